"""The errors that a user can cause; each says what, where, and the remedy, in one line."""


class EmusymError(Exception):
    """Base of every error that the user can mend; the command prints it and exits with 2."""


class ConfigurationError(EmusymError):
    """A configuration, an option or a fileset that cannot be used as it is."""


class InputFileError(EmusymError):
    """A file that cannot be read, or that is not what it should be."""


class DataError(EmusymError):
    """Values that no event, histogram or sample may have (NaN, negative pT, wrong shape)."""


class LostEventsError(EmusymError):
    """Events that were asked for and were not processed."""


class OutputError(EmusymError):
    """A result that cannot be written where it was asked for."""

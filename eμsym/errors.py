"""The errors that a user can cause; each says what, where, and the remedy, in one line."""


def printable(text: str) -> str:
    """Return a text as one line that a terminal shows as it is.

    Characters that would move the cursor, colour or turn the text around, and bytes of a
    file name that are no text, are spelled out as in Python.
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


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

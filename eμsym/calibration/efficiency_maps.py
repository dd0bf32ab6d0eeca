"""Efficiencies of electrons and of muons, as maps that were measured elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray
from eμsym.calibration.binned_map import BinnedMap, lepton_inputs
from eμsym.calibration.map_levels import Factor, MapLevels, efficiencies
from eμsym.shown import Shown

#: Inputs that an efficiency may have: pT in GeV, |η| and η.
INPUTS = ("pt", "abseta", "eta")


@dataclass(frozen=True, eq=False, repr=False)
class EfficiencyMaps(Shown):
    """Efficiencies of electrons and muons from a correctionlib file.

    Attributes
    ----------
    path : str
        The file.
    electron, muon : BinnedMap
        ε_e and ε_μ as functions of ``pt`` and ``abseta`` (or ``eta``).
    errors : tuple of BinnedMap, or None
        The standard errors of ε_e and of ε_μ; None if the file has none.
    """

    path: str
    electron: BinnedMap
    muon: BinnedMap
    errors: tuple[BinnedMap, BinnedMap] | None = None

    def evaluate(self, pt: ArrayLike, eta: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return ε_e and ε_μ of leptons, of the shape of pT [GeV] and η.

        Raises
        ------
        DataError
            If a lepton is beyond the file's bins, or an efficiency is not in (0, 1].
        """
        pt, eta = (np.asarray(values, dtype=np.float64) for values in (pt, eta))
        columns = lepton_inputs(pt, eta)
        electron, muon = (efficiencies(x, columns) for x in (self.electron, self.muon))
        return electron.reshape(pt.shape), muon.reshape(pt.shape)

    def at(self, pt: FloatArray, eta: FloatArray) -> MapLevels:
        """Return ln r = ln(ε_μ/ε_e) as the numbered values that these leptons have.

        The errors of different bins of a map are independent, and so are those of the two
        maps; whatever is made with a bin shares its error.

        Raises
        ------
        DataError
            As for `evaluate`; or if an error is negative, or the efficiencies with
            errors are not binned.
        """
        return MapLevels.of(self, pt, eta)

    def factors(self, pt: FloatArray, eta: FloatArray) -> tuple[Factor, ...]:
        """Return what each map contributes to ln r of leptons."""
        columns = lepton_inputs(pt, eta)
        electron, muon = (None, None) if self.errors is None else self.errors
        return (
            Factor.of(self.electron, electron, columns, -1.0),
            Factor.of(self.muon, muon, columns, +1.0),
        )

r"""Efficiencies of pairs that do not factorise, such as that of an OR of single-lepton triggers.

With T(k_e, k_μ) the efficiency with which an electron and a muon are kept together, an event
whose leading and sub-leading leptons are k₁ and k₂ has, beside what single leptons' efficiencies
leave,

.. math::
    \ln \frac{P(eμ)}{P(μe)} = \ln T(e = k_1, μ = k_2) - \ln T(e = k_2, μ = k_1).

It is the difference of one number, θ = ln T, between two configurations of the same leptons:
"the sub-leading lepton is the muon, the other one the electron", and the reverse. So each
lepton is looked up as the muon with the other as the electron, and all that is done with
ln r of single leptons is done with θ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from eμsym.arrays import FloatArray
from eμsym.calibration.binned_map import BinnedMap, lepton_inputs
from eμsym.calibration.efficiency_maps import EfficiencyMaps
from eμsym.calibration.map_levels import Factor, MapLevels
from eμsym.shown import Shown

#: Inputs that the efficiency of a pair may have: pT in GeV, |η| and η of its two leptons.
PAIR_INPUTS = tuple(
    f"{lepton}_{x}" for lepton in ("electron", "muon") for x in ("pt", "abseta", "eta")
)


@dataclass(frozen=True, eq=False, repr=False)
class PairEfficiencies(Shown):
    """The efficiency of an electron and a muon together, from a correctionlib file.

    Attributes
    ----------
    path : str
        The file.
    pair : BinnedMap
        T as a function of some of `PAIR_INPUTS`.
    error : BinnedMap or None
        Its standard error; None if the file has none.
    single : EfficiencyMaps or None
        Efficiencies of single leptons that multiply T, where the file has them.
    """

    path: str
    pair: BinnedMap
    error: BinnedMap | None = None
    single: EfficiencyMaps | None = None

    def offset(
        self, lead_pt: FloatArray, lead_eta: FloatArray, sub_pt: FloatArray, sub_eta: FloatArray
    ) -> FloatArray:
        """Return ln P(eμ)/P(μe) of events, from their leading and sub-leading leptons.

        Parameters
        ----------
        lead_pt, lead_eta, sub_pt, sub_eta : ndarray of float, shape (n,)
            pT in GeV.

        Returns
        -------
        ndarray of float, shape (n,)

        Raises
        ------
        DataError
            If an efficiency is not in (0, 1], or not defined for all pairs.
        """
        pt, eta = np.stack([lead_pt, sub_pt]), np.stack([lead_eta, sub_eta])
        return self.at(pt, eta).offset(pt, eta)

    def offset_modes(
        self, lead_pt: FloatArray, lead_eta: FloatArray, sub_pt: FloatArray, sub_eta: FloatArray
    ) -> csr_array:
        """Return what one standard deviation of each bin's error does to `offset`.

        Returns
        -------
        scipy.sparse.csr_array of shape (n, sources)
            A column for every bin that occurs; none if there are no errors.

        Raises
        ------
        DataError
            As for `offset`; or if an error is negative.
        """
        pt, eta = np.stack([lead_pt, sub_pt]), np.stack([lead_eta, sub_eta])
        return self.at(pt, eta).offset_modes(pt, eta)

    def at(self, pt: FloatArray, eta: FloatArray) -> MapLevels:
        """Return θ of events with these leading and sub-leading leptons, as numbered values.

        Parameters
        ----------
        pt, eta : ndarray of float, shape (2, n)
        """
        return MapLevels.of(self, pt, eta)

    def factors(self, pt: FloatArray, eta: FloatArray) -> tuple[Factor, ...]:
        """Return what each map contributes to θ, each lepton the muon and its partner the e."""
        columns = lepton_inputs(pt, eta, "muon_") | lepton_inputs(pt[::-1], eta[::-1], "electron_")
        found = (Factor.of(self.pair, self.error, columns, +1.0),)
        return found if self.single is None else (*found, *self.single.factors(pt, eta))

r"""Equal momentum resolutions of electrons and muons, by making the better ones worse.

Where pT falls steeply, the leptons that are measured worse gain more from below than they lose,
and lead more often. No efficiency takes that out, for which of two leptons leads depends
on both. But a lepton can be given the resolution that one of the other flavour would have at
its pT and η,

.. math::
    p_T' = p_T (1 + g \sqrt{\max(0, σ_{other}^2 - σ_{own}^2)}), \qquad g \sim N(0, 1),

with σ the relative resolutions, before leptons are ordered or cut on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from eμsym.arrays import FloatArray
from eμsym.calibration.binned_map import BinnedMap, lepton_inputs, read_correction_file
from eμsym.errors import DataError
from eμsym.shown import Shown

#: The corrections that hold σ(pT)/pT, and the inputs that they may have.
ELECTRON = "resolution_electron"
MUON = "resolution_muon"
INPUTS = ("pt", "abseta", "eta")

# The mixer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): every bit of a number changes
# about half of the bits that come out.
_STEP = 0x9E3779B97F4A7C15
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, eq=False, repr=False)
class ResolutionMaps(Shown):
    """Relative pT resolutions of electrons and muons, from a correctionlib file.

    Attributes
    ----------
    path : str
        The file.
    electron, muon : BinnedMap
        σ(pT)/pT as functions of ``pt`` in GeV and ``abseta`` (or ``eta``), in bins or as
        formulas.
    """

    path: str
    electron: BinnedMap
    muon: BinnedMap

    def evaluate(self, pt: ArrayLike, eta: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return σ(pT)/pT that electrons, and that muons, of this pT [GeV] and η have.

        Raises
        ------
        DataError
            If the file does not say, or a resolution is not in [0, 1).
        """
        pt, eta = (np.asarray(values, dtype=np.float64) for values in (pt, eta))
        columns = lepton_inputs(pt, eta)
        found = []
        for each in (self.electron, self.muon):
            values = each.values(columns)
            wrong = ~((values >= 0) & (values < 1))
            if wrong.any():
                k = int(np.argmax(wrong))
                raise DataError(
                    f"{self.path}: {each.name} is {values[k]:g} at pT {pt.flat[k]:.4g} GeV, η "
                    f"{eta.flat[k]:.3g}; a relative resolution is at least 0 and below 1"
                )
            found.append(values.reshape(pt.shape))
        return found[0], found[1]

    def smeared_electrons(self, pt: FloatArray, eta: FloatArray, g: FloatArray) -> FloatArray:
        """Return electrons' pT with the muons' resolution, where that is the worse one.

        Parameters
        ----------
        pt, eta : ndarray of float, shape (n,)
            pT in GeV.
        g : ndarray of float, shape (n,)
            Standard normal numbers, such as `normal_of_leptons`.

        Returns
        -------
        ndarray of float, shape (n,)
            Never negative.
        """
        own, other = self.evaluate(pt, eta)
        return _smeared(pt, own, other, g)

    def smeared_muons(self, pt: FloatArray, eta: FloatArray, g: FloatArray) -> FloatArray:
        """Return muons' pT with the electrons' resolution, where that is the worse one."""
        other, own = self.evaluate(pt, eta)
        return _smeared(pt, own, other, g)


def read_resolution(path: str | Path) -> ResolutionMaps:
    """Read resolutions from correctionlib JSON (``.json`` or ``.json.gz``).

    Parameters
    ----------
    path : str or Path
        With corrections ``resolution_electron`` and ``resolution_muon``.

    Raises
    ------
    InputFileError
        If the file cannot be read, lacks one of them, or one needs other inputs than
        ``pt``, ``abseta`` and ``eta``.
    """
    file = read_correction_file(path)
    return ResolutionMaps(str(path), *(file.map(name, INPUTS) for name in (ELECTRON, MUON)))


def normal_of_leptons(
    seed: int, flavour: int, pt: FloatArray, eta: FloatArray, phi: FloatArray
) -> FloatArray:
    """Return a standard normal number for every lepton, made of what it is.

    A lepton gets the same number in whatever file, chunk or order it comes: copies of an event
    remain copies. Numbers of different leptons, seeds and flavours are independent.

    Parameters
    ----------
    seed : int
    flavour : int
        11 or 13: an electron and a muon of the same direction get different numbers.
    pt, eta, phi : ndarray of float, shape (n,)
        As measured.

    Returns
    -------
    ndarray of float, shape (n,)
    """
    state = np.full(np.shape(pt), seed, dtype=np.uint64)
    state = _mixed(state ^ np.uint64(flavour * _STEP % 2**64))
    for values in (pt, eta, phi):
        # −0.0 and 0.0 are the same direction.
        bits = (np.asarray(values, dtype=np.float64) + 0.0).view(np.uint64)
        state = _mixed((state ^ bits) + np.uint64(_STEP))
    # 53 bits, in the middles of as many steps from 0 to 1.
    uniform = ((state >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return np.asarray(ndtri(uniform))


def _mixed(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return np.asarray(z ^ (z >> np.uint64(31)), dtype=np.uint64)


def _smeared(pt: FloatArray, own: FloatArray, other: FloatArray, g: FloatArray) -> FloatArray:
    missing = np.sqrt(np.maximum(other**2 - own**2, 0.0))
    return np.asarray(np.maximum(pt * (1 + missing * g), 0.0))

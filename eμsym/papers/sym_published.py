"""What the SYM paper prints (arXiv:2401.09530), beside ours: for each figure, or all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eμsym.errors import ConfigurationError
from eμsym.papers.sym_claims import Claim
from eμsym.papers.sym_inputs import SymInputs
from eμsym.papers.sym_published_nulls import (
    GOOD_ENOUGH,
    fig1_claims,
    fig2_claims,
    fig3_claims,
    fig7_claims,
    fig9_claims,
    fig10_claims,
)
from eμsym.papers.sym_published_signals import fig4_claims, fig5_claims, fig6_claims, fig8_claims


def claims(inputs: SymInputs, figure: str) -> list[Claim]:
    """Return what the paper says with a figure, beside ours.

    Parameters
    ----------
    inputs : SymInputs
        With the studies that the figure needs.
    figure : str
        "sym-fig1" … "sym-fig10".

    Raises
    ------
    ConfigurationError
        If there is no such figure, or something that it needs is missing.
    """
    if figure not in _FIGURES:
        raise ConfigurationError(f"no figure {figure!r}; there are {', '.join(_FIGURES)}")
    try:
        return _FIGURES[figure](inputs)
    except KeyError as error:
        raise ConfigurationError(f"{figure}: needs the study {error}") from error


#: What must be known to read a figure's table.
_Z2 = (
    "Z(2): the significance, by these toys, of the t to which χ² gives 2σ. It is called good "
    f"within {GOOD_ENOUGH} of 2, and its error."
)
_BOUND = (
    ", hence a little high where the larger one is above all toys without signal; errors from "
    "bootstraps."
)
REMARKS: Mapping[str, str] = {
    "sym-fig1": f"{_Z2} A diverged training is above any t.",
    "sym-fig2": _Z2,
    "sym-fig3": _Z2,
    "sym-fig4": f"Medians, linear between the signals of 2, 4, 6 and 8σ{_BOUND}",
    "sym-fig5": f"Medians, linear between the branching ratios{_BOUND}",
    "sym-fig6": "Medians of independent pairs; permuted was toy 0 of each kind, whatever its t.",
    "sym-fig9": _Z2,
}
_FIGURES: Mapping[str, Callable[[SymInputs], list[Claim]]] = {
    "sym-fig1": fig1_claims,
    "sym-fig2": fig2_claims,
    "sym-fig3": fig3_claims,
    "sym-fig4": fig4_claims,
    "sym-fig5": fig5_claims,
    "sym-fig6": fig6_claims,
    "sym-fig7": fig7_claims,
    "sym-fig8": fig8_claims,
    "sym-fig9": fig9_claims,
    "sym-fig10": fig10_claims,
}
#: Everything that can be asked for.
FIGURES = (*_FIGURES, "sym-numbers")

"""Every figure and number of the two papers, and of what stands beside them, in their order.

A new one is an entry here, with its functions in a module of this room: ``stored`` and
``computed`` for what it is made from, ``claims`` for what the paper says, ``draw``.
"""

from __future__ import annotations

from functools import partial

from eμsym.errors import ConfigurationError
from eμsym.papers.registry import Deferred, Option, Part, Reproducible

_NUMBERS = "Every number that the paper prints, and no figure."


def _from(module: str, name: str) -> Deferred:
    return Deferred(f"eμsym.papers.{module}", name)


# The DDP paper, arXiv:2203.07529

_TEMPLATES = Option(
    "--templates", "Your own T and S, in place of the stored ones.", str, metavar="PATH"
)
_DDP_OPTIONS = (
    _TEMPLATES,
    Option("--toys", "Pairs to draw when recomputing.  [20000]", minimum=2),
    Option(
        "--seed",
        "Of everything that is drawn; the same seed gives the same bits.  [20401]",
        minimum=0,
    ),
)
_EXAMPLES = ("hlfv_taumu", "hlfv_taue", "hlfv_taumu_pt10", "flat", "flat_100", "gaussian_100")


def _ddp(
    name: str, what: str, needs: tuple[str, ...], drawn: str = "", *, with_toys: bool = False
) -> Reproducible:
    told = name in ("ddp-fig2", "ddp-numbers")
    return Reproducible(
        name,
        what,
        needs=needs,
        stored=_from("ddp", "stored"),
        compute=partial(_from("ddp", "computed"), with_toys=with_toys),
        claims=partial(_from("ddp", "claims"), name),
        draw=_from("ddp", drawn) if drawn else None,
        report=_from("ddp", "report_with_toys" if told else "report"),
        record=partial(_from("ddp", "record"), name),
        options=_DDP_OPTIONS,
    )


DDP = (
    _ddp(
        "ddp-fig1",
        "The templates T and S in the plane.",
        ("hlfv_taumu", "hlfv_taumu_pt10"),
        "draw_fig1",
    ),
    _ddp(
        "ddp-fig2",
        "Distributions of the tests' significances, without and with signal.",
        ("hlfv_taumu", "hlfv_taumu_pt10"),
        "draw_fig2",
        with_toys=True,
    ),
    _ddp(
        "ddp-fig3",
        "Significance by the size of the window.",
        ("hlfv_taumu", "flat"),
        "draw_fig3",
    ),
    _ddp("ddp-fig4", "ROC curves of the tests.", ("hlfv_taumu",), "draw_fig4", with_toys=True),
    _ddp("ddp-fig5", "Significance by the injected signal.", ("hlfv_taumu", "flat"), "draw_fig5"),
    _ddp("ddp-numbers", _NUMBERS, _EXAMPLES, with_toys=True),
)

DDP_CLASSIFIER = Reproducible(
    "ddp-fig6",
    "A classifier's largest score by the injected signal.",
    about="Draw a classifier's largest score by the injected signal, with bootstraps' bands.",
    stored=_from("ddp_fig6", "stored"),
    compute=_from("ddp_fig6", "computed"),
    claims=_from("ddp_fig6", "claims"),
    draw=_from("ddp_fig6", "draw"),
    record=_from("ddp_fig6", "record"),
    recompute="Train anew: ten minutes of one core.",
    options=(
        _TEMPLATES,
        Option("--scale", "T is multiplied by this.  [0.5]", float, above=0.0),
        Option("--seed", "Of all that is drawn.  [20401]", minimum=0),
    ),
)

# The SYM paper, arXiv:2401.09530

_SYM_OPTIONS = (
    Option("--toys", "At most so many toys a row.  [500, and 100 with signal]", minimum=2),
    Option("--workers", "Toys at once.  [one a core]", minimum=1),
    Option("--dask", "Run on Dask.", str, metavar="local|ADDRESS"),
)
#: The figures: the studies that each needs, and what else (its toys' overfit scores, the
#: pools' events); and what the paper says with it.
_SYM_PARTS = (
    Part("sym-fig1", ("nplm",), _from("sym_published_nulls", "fig1_claims")),
    Part("sym-fig2", ("nulls",), _from("sym_published_nulls", "fig2_claims")),
    Part("sym-fig3", ("higgs",), _from("sym_published_nulls", "fig3_claims")),
    Part("sym-fig4", ("nulls", "power"), _from("sym_published_signals", "fig4_claims")),
    Part("sym-fig5", ("higgs", "pools"), _from("sym_published_signals", "fig5_claims")),
    Part(
        "sym-fig6",
        ("nulls", "benchmarks", "permutations"),
        _from("sym_published_signals", "fig6_claims"),
    ),
    Part("sym-fig7", ("epochs",), _from("sym_published_nulls", "fig7_claims")),
    Part("sym-fig8", ("pools",), _from("sym_published_signals", "fig8_claims")),
    Part(
        "sym-fig9",
        ("nplm_expected_1", "nplm_expected_2", "nplm_expected_3"),
        _from("sym_published_nulls", "fig9_claims"),
    ),
    Part("sym-fig10", ("epochs", "overfit"), _from("sym_published_nulls", "fig10_claims")),
)


def _sym(name: str, what: str) -> Reproducible:
    whole = name == "sym-numbers"
    parts = tuple(part for part in _SYM_PARTS if whole or part.figure == name)
    needs = tuple(dict.fromkeys(each for part in parts for each in part.needs))
    return Reproducible(
        name,
        what,
        needs=needs,
        stored=partial(_from("sym", "stored"), all_of_them=not whole),
        compute=None if needs == ("pools",) else _from("sym", "computed"),
        claims=partial(_from("sym", "claims"), parts, all_of_them=not whole),
        draw=None if whole else _from("sym_drawing", name.replace("sym-", "draw_")),
        report=partial(_from("sym", "report"), parts),
        record=partial(_from("sym", "record"), name),
        recompute="Run the studies anew, which takes hours; stopped, it goes on with what is "
        "missing.",
        options=_SYM_OPTIONS,
    )


SYM = (
    _sym("sym-fig1", "NPLM's t without signal, with and without clipped weights."),
    _sym("sym-fig2", "The symmetrized t without signal, for six pairs of sizes."),
    _sym("sym-fig3", "The same of simulated eμ events, for three luminosities."),
    _sym("sym-fig4", "Significance by the ideal one, for three signals."),
    _sym("sym-fig5", "Significance by the branching ratio of H→τe."),
    _sym("sym-fig6", "Permutations of one pair beside independent pairs."),
    _sym("sym-fig7", "Percentiles of t by the number of epochs."),
    _sym("sym-fig8", "The collinear mass of background and signal."),
    _sym("sym-fig9", "NPLM's t with the expected number of events."),
    _sym("sym-fig10", "t after long training beside that of overfit solutions."),
    _sym("sym-numbers", _NUMBERS),
)

# Beside the papers: how good the simulated samples are, and what a correction costs

SAMPLES = Reproducible(
    "samples",
    "Compare simulated samples with genuine Delphes files.",
    about="Compare samples of 'emusym simulate' with genuine Delphes files, by process.",
    stored=_from("samples", "stored"),
    compute=_from("samples", "computed"),
    draw=_from("samples", "draw"),
    report=_from("samples", "report"),
    record=_from("samples", "record"),
    recompute="Simulate anew, with Pythia 8.",
    options=(
        Option(
            "-n",
            "Events to generate of a process; of Z→ττ ten times as many.  [2000]",
            minimum=1,
        ),
        Option("--seed", "Of the simulation.  [20401]", minimum=0),
        Option("--workers", "Processes at once.  [one a core]", minimum=1),
    ),
)
EQUALISATION = Reproducible(
    "equalisation",
    "Show what correcting for the detector costs.",
    about="Show what taking the detector's e/μ difference out costs, and what leaving it in does.",
    stored=_from("equalisation", "stored"),
    compute=_from("equalisation", "computed"),
    draw=_from("equalisation", "draw"),
    report=_from("equalisation", "report"),
    record=_from("equalisation", "record"),
    recompute="Compute anew: two minutes of one core.",
    options=(
        Option(
            "--toys",
            "Pairs without signal to draw when recomputing; half as many with each.  [400]",
            minimum=2,
        ),
        Option("--seed", "Of the toys.  [20401]", minimum=0),
    ),
)

CATALOGUE = (*DDP, DDP_CLASSIFIER, *SYM, SAMPLES, EQUALISATION)


def reproducible(name: str) -> Reproducible:
    """Return the entry of a figure, or of a paper's numbers.

    Raises
    ------
    ConfigurationError
        If there is none of that name.
    """
    for entry in CATALOGUE:
        if entry.name == name:
            return entry
    listed = ", ".join(entry.name for entry in CATALOGUE)
    raise ConfigurationError(f"no figure {name!r}; there are {listed}")

"""What the processor is told: cuts, columns, regions and histograms, as frozen dataclasses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import hist
import numpy as np

from eμsym.effects import check_symmetric
from eμsym.errors import ConfigurationError
from eμsym.expression import Expression
from eμsym.final_states import FINAL_STATES, WITH_JETS
from eμsym.jets import JetCuts
from eμsym.label_rule import LEADING, LabelRule
from eμsym.processors.binning import LEAD_PT, M_COLL, MOST_BINS, ONE_LEPTON, SUB_PT, Binning
from eμsym.processors.columns import ALL_LABELS, KIND_COLUMNS, ON_REQUEST, columns_of
from eμsym.processors.own_columns import OwnColumn
from eμsym.regions import Region
from eμsym.selection import FORMAT_CUTS, Cuts
from eμsym.symmetries import OwnSymmetry, rule_named

__all__ = ["LEAD_PT", "MOST_BINS", "M_COLL", "SUB_PT", "Binning", "EMuConfig"]


@dataclass(frozen=True)
class EMuConfig:
    """Everything that the processor can be told.

    Parameters
    ----------
    cuts : Cuts
        Which leptons are good.
    jets : JetCuts
        Which jets are counted.
    keep : tuple of str
        What is kept beside the usual columns: "jets", "btags", "event_numbers". What a
        cut, a region, a histogram or an own column reads is kept anyhow.
    columns : tuple of OwnColumn
        Further columns, in an order in which each reads those before it.
    where : str, tuple of str, or dict of str to str
        Further cuts on the columns of a selected event, each a row of the cutflow: one
        condition, several, or several by their names.
    regions : tuple of Region
        Parts of the selected events, by name: for ``read_pair(…, region=…)``.
    symmetry : str or OwnSymmetry
        What is exchanged: "leading", "charge", "flavour", "lepton_jet", "forward_backward", or
        one of your own.
    plane : tuple of two Binning
        Axes of the histogram ``plane``.
    observables : tuple of Binning
        One histogram each, named after its column.

    Raises
    ------
    ConfigurationError
        If a column is not there, two things have one name, a cut treats A and B differently,
        a histogram is of what is not comparable, or the plane has too many bins.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    cuts: Cuts = field(default_factory=Cuts)
    jets: JetCuts = field(default_factory=JetCuts)
    keep: tuple[str, ...] = ()
    columns: tuple[OwnColumn, ...] = ()
    where: str | tuple[str, ...] | dict[str, str] = ()
    regions: tuple[Region, ...] = ()
    symmetry: str | OwnSymmetry = LEADING.name
    plane: tuple[Binning, Binning] = (M_COLL, LEAD_PT)
    observables: tuple[Binning, ...] = (M_COLL, LEAD_PT, SUB_PT)

    def __post_init__(self) -> None:
        for name in self.keep:
            if name not in ON_REQUEST:
                raise ConfigurationError(f"keep: no {name!r}; there are {', '.join(ON_REQUEST)}")
        self._set_defaults()
        self._check_symmetry()
        known = self._usual()
        for column in self.columns:
            if column.name in known:
                raise ConfigurationError(f"columns: two are called {column.name!r}")
            with _said_of(f"column {column.name!r}"):
                value = None if column.value is None else Expression(column.value)
                known[column.name] = np.empty(0) if value is None else value.value(known)
        if (unknown := {c.partner for c in self.columns} - {None, *known}) != set():
            raise ConfigurationError(f"columns: no column {min(map(str, unknown))!r} to swap with")
        for what, named in (("where", self.named_cuts), ("region", self.named_regions)):
            for name, expression in named.items():
                with _said_of(f"{what} {name!r}" if name != expression.text else what):
                    self._check_cut(expression, known)
        self._check_names()
        self._check_histograms(known)

    def _set_defaults(self) -> None:
        """Histogram what there is of one lepton, where nothing else is said."""
        if self.base.selection != "one_lepton":
            return
        for name, here in (("plane", ONE_LEPTON[:2]), ("observables", ONE_LEPTON)):
            if getattr(self, name) == EMuConfig.__dataclass_fields__[name].default:
                object.__setattr__(self, name, here)

    def _usual(self) -> dict[str, Any]:
        """Return no events, with the columns of the symmetry and their types."""
        return {name: np.empty(0, dtype) for name, dtype in columns_of(self.base).items()}

    def _check_symmetry(self) -> None:
        rule = self.base
        if rule.ordered_by == "Charge" and not self.cuts.opposite_charge:
            raise ConfigurationError(
                f"symmetry {rule.name!r}: its slots are a positive and a negative lepton; leave "
                "cuts.opposite_charge true"
            )
        if rule.condition is not None:
            known = {name: x for name, x in self._usual().items() if name != rule.column}
            known |= {name: np.empty(0, bool) for name in KIND_COLUMNS[rule.selection]}
            with _said_of(f"symmetry {rule.name!r}: a"):
                Expression(rule.condition).condition(known)

    @cached_property
    def base(self) -> LabelRule:
        """Which events are A."""
        if isinstance(self.symmetry, OwnSymmetry):
            return self.symmetry.rule
        return rule_named(self.symmetry)

    @cached_property
    def rule(self) -> LabelRule:
        """Which events are A, with what the exchange does to the user's columns."""
        rule, exchange = self.base, self.base.exchange
        for column in self.columns:
            exchange = replace(exchange, own=(*exchange.own, column.effect(exchange)))
        return replace(rule, exchange=exchange)

    @cached_property
    def named_cuts(self) -> dict[str, Expression]:
        """The further cuts by their names; those without one are called what they say."""
        if isinstance(self.where, dict):
            return {name: Expression(text) for name, text in self.where.items()}
        texts = (self.where,) if isinstance(self.where, str) else self.where
        return {text: Expression(text) for text in texts}

    @cached_property
    def named_regions(self) -> dict[str, Expression]:
        """The conditions of the regions, by name."""
        return {region.name: region.condition for region in self.regions}

    @cached_property
    def wanted(self) -> tuple[str, ...]:
        """What must be read on request: of `keep`, and of all columns that anything reads."""
        binnings = (*self.plane, *self.observables)
        texts = [column.value for column in self.columns if column.value is not None]
        expressions = [*self.named_cuts.values(), *self.named_regions.values()]
        expressions += [Expression(text) for text in texts]
        read = {name for each in expressions for name in each.names}
        read |= {binning.column for binning in binnings}
        read |= {"n_jets"} if self.base.selection in WITH_JETS else set()
        if self.base.condition is not None:
            read |= set(Expression(self.base.condition).names)
        return tuple(
            what for what, names in ON_REQUEST.items() if what in self.keep or read & set(names)
        )

    @property
    def labels(self) -> dict[str, str]:
        """What axes call the columns."""
        own = {column.name: column.label or column.name for column in self.columns}
        return {**ALL_LABELS, **own}

    def _check_cut(self, expression: Expression, known: Mapping[str, Any]) -> None:
        expression.condition(known)
        check_symmetric(expression, self.rule.exchange)

    def _check_names(self) -> None:
        taken = {"all", *FORMAT_CUTS, *FINAL_STATES[self.base.selection].cuts, *self.rule.orders}
        for name in self.named_cuts:
            if name in taken or not name.strip():
                raise ConfigurationError(f"where: the cut {name!r} needs another name")
        names = [region.name for region in self.regions]
        for name in names:
            if names.count(name) > 1:
                raise ConfigurationError(f"regions: two are called {name!r}")

    @property
    def _not_observed(self) -> tuple[str, ...]:
        return (self.rule.column, "weight", "file_id", "entry")

    def _check_histograms(self, known: Iterable[str]) -> None:
        comparable = [name for name in known if name not in self._not_observed]
        for what, binnings in (("plane", self.plane), ("observables", self.observables)):
            names = [binning.column for binning in binnings]
            for name in names:
                if name not in comparable:
                    raise ConfigurationError(
                        f"{what}: no column {name!r} to histogram; there are "
                        f"{', '.join(comparable)}"
                    )
            with _said_of(what):
                self.rule.exchange.check_comparable(names)
            if len(set(names)) != len(names):
                raise ConfigurationError(f"{what}: the same column twice ({', '.join(names)})")
        n_bins = math.prod(binning.n_bins for binning in self.plane)
        if n_bins > MOST_BINS:
            raise ConfigurationError(f"plane: {n_bins:,} bins; give {MOST_BINS:,} at most")
        if not all(binning.ordered for binning in self.plane):
            raise ConfigurationError(
                "plane: categories have no neighbours, so there are no windows of them; give "
                "them as an observable"
            )

    def histograms(
        self, *datasets: str, orders: tuple[str, str] = LEADING.orders
    ) -> dict[str, hist.Hist]:
        """Return empty histograms: axes dataset, order (A's and B's), then the observables.

        Parameters
        ----------
        *datasets : str
            Categories of the first axis; more are added as they are filled.
        orders : tuple of str
            Categories of the second, see `eμsym.label_rule.LabelRule`.
        """
        wanted = {binning.column: (binning,) for binning in self.observables}
        labels = self.labels
        return {
            name: hist.Hist(
                hist.axis.StrCategory(list(datasets), growth=True, name="dataset"),
                hist.axis.StrCategory(list(orders), name="order", overflow=False),
                *(b.labelled(labels.get(b.column, b.column)) for b in binnings),
                storage=hist.storage.Weight(),
            )
            for name, binnings in {**wanted, "plane": self.plane}.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON; of a function its name."""
        found: dict[str, Any] = {}
        for each in fields(self):
            found[each.name] = getattr(self, each.name)
        found |= {"cuts": asdict(self.cuts), "jets": asdict(self.jets)}
        if isinstance(self.symmetry, OwnSymmetry):
            found["symmetry"] = asdict(self.symmetry)
        for name in ("regions", "plane", "observables"):
            found[name] = [asdict(each) for each in getattr(self, name)]
        found["columns"] = [
            {**vars(column), "function": getattr(column.function, "__qualname__", None)}
            for column in self.columns
        ]
        return found


@contextmanager
def _said_of(what: str) -> Iterator[None]:
    """Put what an error is about before it."""
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(f"{what}: {error}") from error

"""The symmetries there are, each a label rule: what is exchanged, what A and B are called."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from eμsym.effects import effect_of
from eμsym.errors import ConfigurationError
from eμsym.exchange import Exchange, OwnEffect
from eμsym.expression import Expression
from eμsym.final_states import FINAL_STATES
from eμsym.label_rule import LEADING, LabelRule, Term

_E_MU = (("electron_", "muon_"),)
#: Measured, and cut on, in one way for electrons and in another one for muons.
_ISOLATION = ("_isolation",)

#: e⁺μ⁻ against e⁻μ⁺: electron and muon trade places in the slots l+ and l-. At fixed momenta
#: of electron and muon pp collisions are not symmetric, for W⁺ and W⁻ differ; so columns of
#: the electron or of the muon are no observables here. Positive and negative leptons have an r
#: each, and the constant is what their means differ by.
CHARGE = LabelRule(
    name="charge",
    ordered_by="Charge",
    orders=("epmum", "emmup"),
    names=("e⁺μ⁻", "e⁻μ⁺"),
    exchange=Exchange(_E_MU, "electron_positive", not_comparable=_ISOLATION),
    terms=(Term("neg", 1, "r-"), Term("pos", -1, "r+")),
    constant=True,
)

#: ee against μμ, opposite charges. Which of them is more frequent depends on efficiencies
#: alone, and a free constant takes up any ratio of the two rates.
FLAVOUR = LabelRule(
    name="flavour",
    ordered_by="PT",
    orders=("ee", "mumu"),
    names=("ee", "μμ"),
    exchange=Exchange(_E_MU, "is_ee", not_comparable=_ISOLATION),
    selection="same_flavour",
    terms=(Term("lead", -1), Term("sub", -1)),
    constant=True,
)

#: One electron and jets against one muon and jets.
LEPTON_JET = LabelRule(
    name="lepton_jet",
    ordered_by="PT",
    orders=("ejet", "mujet"),
    names=("e + jet", "μ + jet"),
    exchange=Exchange(_E_MU, "is_electron", not_comparable=_ISOLATION),
    selection="one_lepton",
    terms=(Term("lead", -1),),
    constant=True,
)

#: z ↔ −z of a pp collision: A are the events whose leading lepton flies forward, and every η
#: is multiplied by the sign of its η. (Not the Collins–Soper asymmetry of Drell–Yan, which
#: is measured along the quark's direction and is not zero.) a = ε(η)/ε(−η) of electrons and of
#: muons.
FORWARD_BACKWARD = LabelRule(
    name="forward_backward",
    ordered_by="PT",
    orders=("forward", "backward"),
    names=("forward", "backward"),
    exchange=Exchange(label="lead_forward"),
    condition="lead_eta > 0",
    oriented_by="lead_eta",
    terms=(Term("electron", 1, "a_e"), Term("muon", 1, "a_mu")),
)

RULES = {rule.name: rule for rule in (LEADING, CHARGE, FLAVOUR, LEPTON_JET, FORWARD_BACKWARD)}


def rule_named(name: str) -> LabelRule:
    """Return one of the symmetries by its name.

    Raises
    ------
    ConfigurationError
        If there is none of that name.
    """
    if name not in RULES:
        raise ConfigurationError(
            f"no symmetry {name!r}; there are {', '.join(RULES)}, and your own as a table"
        )
    return RULES[name]


@dataclass(frozen=True)
class OwnSymmetry:
    """A symmetry of the user's.

    Parameters
    ----------
    name : str
        What to call it.
    a : str
        The condition that makes a selected event one of A. It may read ``electron_leads`` of
        an event with an electron and a muon, ``electrons`` (are the leptons electrons?) of
        others. The exchange must turn it into its contrary.
    selection : str
        What an event must have: "emu", "same_flavour" or "one_lepton".
    names : tuple of str
        What to call A and B.
    swaps_leptons : bool
        Whether electrons and muons trade places.
    swapped : tuple of (str, str)
        Beginnings of the names of columns that change places.
    flipped : tuple of str
        Ends of the names of columns whose sign changes: "_eta".
    not_comparable : tuple of str
        Ends of the names of columns that A and B must not be compared in.
    efficiencies : dict of str to int
        Which leptons' efficiencies, ε_μ/ε_e, enter ln P(A)/P(B) with which sign, +1 or -1. If
        the signs do not cancel, a constant is fitted with them.
    oriented_by : str, optional
        The η by whose sign every η is multiplied, after `a` is told, for an exchange of z and
        −z. The efficiencies are then ε(η)/ε(−η).

    Raises
    ------
    ConfigurationError
        If the condition is none or the exchange does not turn A into B, or there is no such
        selection.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    name: str
    a: str
    selection: str = "emu"
    names: tuple[str, str] = ("A", "B")
    swaps_leptons: bool = True
    swapped: tuple[tuple[str, str], ...] = ()
    flipped: tuple[str, ...] = ()
    not_comparable: tuple[str, ...] = _ISOLATION
    efficiencies: dict[str, int] = field(default_factory=dict)
    oriented_by: str | None = None

    def __post_init__(self) -> None:
        if self.name in RULES or not self.name.strip():
            raise ConfigurationError(f"symmetry: {self.name!r} is taken; give another name")
        if self.selection not in FINAL_STATES:
            raise ConfigurationError(
                f"symmetry {self.name!r}: no selection {self.selection!r}; there are "
                f"{', '.join(FINAL_STATES)}"
            )
        slots = ("lead",) if self.selection == "one_lepton" else ("lead", "sub")
        for slot, sign in self.efficiencies.items():
            if slot not in slots or abs(sign) != 1:
                raise ConfigurationError(
                    f"symmetry {self.name!r}: efficiencies.{slot} = {sign}; give "
                    f"{' or '.join(slots)}, and +1 or -1"
                )
        if self.oriented_by not in (None, *(f"{slot}_eta" for slot in slots)):
            raise ConfigurationError(
                f"symmetry {self.name!r}: oriented_by = {self.oriented_by!r}; give "
                f"{' or '.join(f'{slot}_eta' for slot in slots)}"
            )
        flipped = self.flipped if self.oriented_by is None else (*self.flipped, "_eta")
        try:
            effect = effect_of(Expression(self.a), replace(self.exchange, flipped=flipped))
        except ConfigurationError as error:
            raise ConfigurationError(f"symmetry {self.name!r}: a: {error}") from error
        if effect != "flipped":
            raise ConfigurationError(
                f"symmetry {self.name!r}: a = {self.a!r} is {effect} under its exchange, which "
                "must turn A into B"
            )

    @property
    def exchange(self) -> Exchange:
        """What its exchange does."""
        leptons = _E_MU if self.swaps_leptons else ()
        kinds = [
            OwnEffect(kind, "flipped" if self.swaps_leptons else "unchanged")
            for kind in ("electron_leads", "electrons")
        ]
        flipped = self.flipped
        if self.oriented_by is not None:
            # Along an object no η changes.
            flipped = tuple(end for end in flipped if not end.endswith("_eta"))
        return Exchange(
            (*leptons, *self.swapped), "in_a", flipped, self.not_comparable, tuple(kinds)
        )

    @property
    def rule(self) -> LabelRule:
        """It as a label rule."""
        return LabelRule(
            name=self.name,
            ordered_by="PT",
            orders=("a", "b"),
            names=self.names,
            exchange=self.exchange,
            selection=self.selection,
            condition=self.a,
            oriented_by=self.oriented_by,
            constant=self.oriented_by is None and sum(self.efficiencies.values()) != 0,
            terms=tuple(Term(slot, sign) for slot, sign in self.efficiencies.items()),
        )

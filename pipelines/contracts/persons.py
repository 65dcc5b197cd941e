"""Whose a row is: which columns hold customer numbers, and what is left of a row when its customer is erased.

The number of the customer that a row is about stands in `customer_id`, or in a column whose contract says
`customerNumber: true`; any other column called `…_customer_id` names somebody else, say who referred them. A row goes with
its customer. Sales alone stay, without a customer, so that what was sold and earned on a day stays what it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.contracts.expressions import names_in

if TYPE_CHECKING:
    from pipelines.contracts.model import SourceContract
    from pipelines.contracts.parts import Column

ERASED = "erased"
"""What a rewritten landing file has in the place of a customer number that its contract wants filled; it loads as empty."""

_KEPT = ("transactions",)
"""Datasets whose rows outlive their customer."""


@dataclass(frozen=True)
class Treatment:
    """What becomes of a contract's rows when a customer is erased; columns by their names here."""

    subjects: tuple[str, ...]
    """They say whose row it is."""
    references: tuple[str, ...]
    """They name another customer."""
    is_kept: bool
    """A row of an erased customer stays, with nothing in `emptied`; else it goes."""
    emptied: tuple[str, ...]
    """Of a row that stays: customer numbers and personal columns."""
    fields: dict[str, str]
    """The same in the file: source column by source column, the text that it gets, which may be no value at all."""
    reference_fields: dict[str, tuple[str, ...]]
    """By reference, the source columns that tell it; none where they cannot be emptied, and the row goes."""
    words: frozenset[str]
    """Columns, here, in which `ERASED` stands for a customer who is no more."""

    @property
    def customers(self) -> tuple[str, ...]:
        """Every column with customer numbers."""
        return (*self.subjects, *self.references)


def treatment(contract: SourceContract) -> Treatment:
    """What becomes of the contract's rows."""
    own = [c.name for c in contract.columns if c.name == "customer_id" or c.is_customer_number]
    named = [c.name for c in contract.columns if c.name.endswith("_customer_id") and c.name not in own]
    subjects, references = (tuple(own), tuple(named)) if own else (tuple(named), ())
    personal = [
        c.name for c in contract.columns if c.classification == "pii" and c.name not in (*own, *named)
    ]
    emptied = (*subjects, *references, *personal)
    sources = {name: _sources(contract, name) for name in emptied}
    touched = {source for found in sources.values() for source in found}
    words = _words(contract, subjects, touched, sources)
    keyed = {source for key in contract.key for source in _sources(contract, key)}
    can_be_emptied = all(
        not (c := contract.column(name)).required or (name in words and c.type == "VARCHAR")
        for name in touched
    )
    is_kept = contract.name in _KEPT and bool(subjects) and not keyed & touched and can_be_emptied
    null = contract.dialect.null_value
    return Treatment(
        subjects=subjects,
        references=references,
        is_kept=is_kept,
        # Also what a derived number is made of, as `raw` has that too.
        emptied=(*emptied, *sorted(touched - set(emptied))),
        fields={contract.column(n).source_name: ERASED if n in words else null for n in sorted(touched)}
        if is_kept
        else {},
        reference_fields={
            name: ()
            if contract.column(name).required or keyed & set(sources[name])
            else tuple(
                contract.column(s).source_name for s in sources[name] if not contract.column(s).required
            )
            for name in references
        },
        words=words if is_kept else frozenset(),
    )


def _words(
    contract: SourceContract,
    subjects: tuple[str, ...],
    touched: set[str],
    sources: dict[str, frozenset[str]],
) -> frozenset[str]:
    """Columns that may not be empty, and those that a derived customer number is made of."""
    derived = [name for name in subjects if contract.column(name).expression is not None]
    feeding = {source for name in derived for source in sources[name]}
    texts = {name for name in touched if contract.column(name).type == "VARCHAR"}
    return frozenset(
        {name for name in texts if contract.column(name).required or name in feeding} | set(derived)
    )


def _sources(contract: SourceContract, name: str) -> frozenset[str]:
    """The columns of the file, by their names here, that give a column."""
    column = contract.column(name)
    if column.expression is None:
        return frozenset({name})
    known = {c.name for c in contract.columns} - {name}
    return frozenset(
        source for used in names_in(column.expression) & known for source in _sources(contract, used)
    )


def erased_word(contract: SourceContract, column: Column) -> str | None:
    """SQL: a derived customer number is made of what was erased; None where the column is none."""
    if column.expression is None or column.name not in (found := treatment(contract)).words:
        return None
    feeding = sorted(_sources(contract, column.name) & found.words)
    return " OR ".join(f"\"{name}\" = '{ERASED}'" for name in feeding) or None

"""What a contract is, as the rest of Mainstay uses it: of a source dataset, and of a mart."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.contracts.expressions import names_in
from pipelines.contracts.location import split_location
from pipelines.contracts.parts import FILE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from open_data_contract_standard.model import DataQuality, OpenDataContractStandard, SchemaObject

    from pipelines.contracts.parts import Column, Dialect, RowRule


@dataclass(frozen=True)
class Contract:
    """What source and mart contracts have in common."""

    path: Path
    document: OpenDataContractStandard = field(repr=False)
    table: SchemaObject = field(repr=False)
    columns: tuple[Column, ...]

    @property
    def name(self) -> str:
        """Name of the dataset or mart."""
        return str(self.table.name)

    @property
    def version(self) -> str:
        """Version of the contract."""
        return str(self.document.version)

    @property
    def grain(self) -> str:
        """The sentence that starts with "One row per"."""
        return str(self.table.dataGranularityDescription)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Names of the key columns, in order."""
        keyed = sorted((c.key_position, c.name) for c in self.columns if c.key_position is not None)
        return tuple(name for _, name in keyed)

    @property
    def quality(self) -> list[DataQuality]:
        """Table-level quality rules."""
        return self.table.quality or []

    @property
    def has_personal(self) -> bool:
        """Whether a row holds personal data, so that its text may stand in no message."""
        return any(c.is_personal for c in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(c for c in self.columns if c.name == name)

    @property
    def properties(self) -> dict[str, Any]:
        """The contract's custom properties."""
        return {p.property: p.value for p in self.document.customProperties or [] if p.property}

    @property
    def freshness_days(self) -> int | None:
        """Days after which the newest row counts as stale."""
        for sla in self.document.slaProperties or []:
            if sla.property == "freshness" and sla.value is not None:
                return int(sla.value)
        return None


@dataclass(frozen=True)
class SourceContract(Contract):
    """A source dataset: where its files are, how they are written, which rows are good."""

    location: str
    format: str
    dialect: Dialect
    rules: tuple[RowRule, ...]
    reject_if: tuple[RowRule, ...] = ()
    """Rows that are not ours to load, kept in quarantine to look at."""
    ignore_if: tuple[RowRule, ...] = ()
    """Rows that are not ours to load, and only counted."""
    left_out: tuple[Column, ...] = ()
    """Optional columns that the models read and this contract does not have: empty in each row."""

    @property
    def is_obligatory(self) -> bool:
        """Whether a night without this dataset fails."""
        return bool(self.properties.get("obligatory", False))

    @property
    def tolerated_reject_rate(self) -> float:
        """Share of rows that may be quarantined before the load fails."""
        return float(self.properties.get("toleratedRejectRate", 0))

    @property
    def tolerated_key_reuse_rate(self) -> float | None:
        """Share of a date's rows whose key an earlier row of another customer or business date may have, if said here."""
        rate = self.properties.get("toleratedKeyReuseRate")
        return None if rate is None else float(rate)

    @property
    def business_time(self) -> str | None:
        """Column whose local date is the business date; None: the landing folder's date."""
        return self.properties.get("businessTime")

    @property
    def has_control_totals(self) -> bool:
        """Whether a file without control totals beside it is refused."""
        return bool(self.properties.get("controlTotals", False))

    @property
    def unusual_volume(self) -> float:
        """Share by which a date's rows may differ from the usual before that is told; 1: never."""
        return float(self.properties.get("unusualVolume", 0.5))

    @property
    def is_unusual_volume_fatal(self) -> bool:
        """Whether an unusual count of rows stops the night instead of being told."""
        return bool(self.properties.get("unusualVolumeStops", False))

    @property
    def future_tolerance_days(self) -> int:
        """Days a row may be dated after its file's business date."""
        return int(self.properties.get("futureToleranceDays", 0))

    def landed_name(self, path: Path | str) -> str:
        """A landing file's name for the ledger: its path below the landing folder, so that a deployment can be moved.

        Of an absolute location the whole path. A name, and a path that an earlier Mainstay wrote, give the same name.
        """
        if self.location.startswith("/"):
            return str(path)
        return "/".join(Path(path).parts[-len(split_location(self.location)) :])

    @property
    def ignored_columns(self) -> tuple[str, ...]:
        """Columns of the files that the contract leaves out knowingly; they are no drift."""
        return tuple(self.properties.get("ignoreColumns") or ())

    @property
    def published_columns(self) -> tuple[Column, ...]:
        """The columns that reach BI beside those that the models read."""
        return tuple(c for c in self.columns if c.is_published)

    @property
    def source_columns(self) -> tuple[Column, ...]:
        """The columns that come from a file; it must have all but those that may be missing."""
        return tuple(c for c in self.columns if c.expression is None)

    def as_in(self, names: Iterable[str]) -> SourceContract:
        """The contract as a file with these columns fulfils it: what may be missing, and is, is left out."""
        there = set(names)
        missing = tuple(c for c in self.source_columns if c.may_be_missing and c.source_name not in there)
        if not missing:
            return self
        columns = tuple(c for c in self.columns if c not in missing)
        return replace(self, columns=columns, left_out=(*self.left_out, *missing))

    @property
    def derived_columns(self) -> tuple[Column, ...]:
        """The columns that an expression gives."""
        return tuple(c for c in self.columns if c.expression is not None)

    @cached_property
    def file_columns(self) -> tuple[str, ...]:
        """Those of `FILE_COLUMNS` that an expression, rule or condition names."""
        conditions = (r.condition for r in (*self.rules, *self.reject_if, *self.ignore_if))
        named: set[str] = set()
        for sql in (*(c.expression or "" for c in self.derived_columns), *conditions):
            named |= names_in(sql)
        return tuple(name for name in FILE_COLUMNS if name in named)

    def drift(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of a file's columns that the contract neither reads nor ignores."""
        known = {column.source_name for column in self.source_columns} | set(self.ignored_columns)
        return tuple(name for name in names if name not in known)


@dataclass(frozen=True)
class MartContract(Contract):
    """A published mart."""

    @property
    def domain(self) -> str:
        """Folder of the dbt model below models/marts."""
        return str(self.document.domain)

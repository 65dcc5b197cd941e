"""Data contracts as the rest of Mainstay uses them.

Reads ODCS v3.1 files with the standard's own package and gives typed, checked views of them: `SourceContract`
(what a landing file looks like and which rows are good) and `MartContract` (what a published table holds).
The YAML files are the one place where columns, types, keys and rules are written down.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

import yaml
from open_data_contract_standard.model import (
    DataQuality,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
)
from pydantic import ValidationError

from pipelines.contract_checks import ISO, location_parts, sql_faults
from pipelines.errors import ContractError
from pipelines.settings import PROJECT_DIR

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipelines.settings import Settings

DATASETS = ("transactions", "customers", "products", "interactions", "feedback", "wallet_surveys")
"""The source datasets, in load order. Only `transactions` is obligatory."""

FORMATS = ("csv", "jsonl", "parquet")
TYPES = re.compile(
    r"^(VARCHAR|BOOLEAN|INTEGER|BIGINT|DOUBLE|DATE|TIMESTAMP|DECIMAL\((\d{1,2}),(\d{1,2})\))\Z"
)
NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}\Z")
LOAD_COLUMNS = {"business_date": "DATE", "partition_date": "DATE", "file_id": "VARCHAR"}
"""What loading adds to each raw row: the local date it counts for, its landing folder's date, and its file."""


@dataclass(frozen=True)
class Column:
    """A contract's column: its name here, its name at the source, its type and its row rules."""

    name: str
    source_name: str
    type: str
    description: str
    required: bool = False
    key_position: int | None = None
    classification: str = "internal"
    expression: str | None = None
    """SQL over the contract's other columns that gives the value; None when the source has the column."""
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    allowed: tuple[str, ...] | None = None
    format: str | None = None
    """strptime format of this column where it differs from the file's."""
    quality: tuple[DataQuality, ...] = ()

    @property
    def is_personal(self) -> bool:
        """Personal data stays in `raw` and the restricted schema."""
        return self.classification == "pii"


@dataclass(frozen=True)
class RowRule:
    """A named condition over a row's columns; a row for which it is not true is quarantined."""

    name: str
    description: str
    condition: str


@dataclass(frozen=True)
class Dialect:
    """How a landing file is written."""

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    null_value: str = ""
    decimal_mark: str = "."
    thousands_mark: str = ""
    date_format: str = "%Y-%m-%d"
    timestamp_format: str = "%Y-%m-%d %H:%M:%S"
    timezone: str | None = None


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

    @property
    def is_obligatory(self) -> bool:
        """Whether a night without this dataset fails."""
        return bool(self.properties.get("obligatory", False))

    @property
    def tolerated_reject_rate(self) -> float:
        """Share of rows that may be quarantined before the load fails."""
        return float(self.properties.get("toleratedRejectRate", 0))

    @property
    def business_time(self) -> str | None:
        """Column whose local date is the business date; None: the landing folder's date."""
        return self.properties.get("businessTime")

    @property
    def future_tolerance_days(self) -> int:
        """Days a row may be dated after its file's business date."""
        return int(self.properties.get("futureToleranceDays", 0))

    @property
    def source_columns(self) -> tuple[Column, ...]:
        """The columns that a file must have."""
        return tuple(c for c in self.columns if c.expression is None)


@dataclass(frozen=True)
class MartContract(Contract):
    """A published mart."""

    @property
    def domain(self) -> str:
        """Folder of the dbt model below models/marts."""
        return str(self.document.domain)


def _problem(path: Path, place: str, what: str, way_out: str) -> ContractError:
    return ContractError(f"{path}: {place}: {what}; {way_out}")


def _read(path: Path) -> tuple[OpenDataContractStandard, SchemaObject]:
    try:
        document = OpenDataContractStandard.from_string(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, AttributeError) as error:
        raise ContractError(
            f"{path}: the contract cannot be read: {error}; it is a YAML file in UTF-8"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise _problem(path, place, first["msg"], "see the Open Data Contract Standard v3.1") from error
    tables = document.schema_ or []
    if len(tables) != 1:
        raise _problem(path, "schema", f"{len(tables)} tables", "a Mainstay contract describes exactly one")
    if not tables[0].properties:
        raise _problem(path, "schema", "no properties", "name the table's columns")
    return document, tables[0]


def _custom(properties: Iterable[Any] | None) -> dict[str, Any]:
    return {p.property: p.value for p in properties or [] if p.property}


def _column(path: Path, prop: SchemaProperty) -> Column:
    name = prop.name or ""
    if not NAME.match(name):
        raise _problem(path, f"column {name!r}", "not a lower-case column name", "use letters, digits and _")
    type_ = (prop.physicalType or "").upper().replace(" ", "")
    match = TYPES.match(type_)
    if not match:
        raise _problem(
            path,
            f"column {name}",
            f"physicalType {prop.physicalType!r} is not supported",
            "use VARCHAR, BOOLEAN, INTEGER, BIGINT, DOUBLE, DATE, TIMESTAMP or DECIMAL(p,s)",
        )
    if match.group(2) and not (
        0 <= int(match.group(3)) <= int(match.group(2)) <= 38 and int(match.group(2)) > 0
    ):
        raise _problem(path, f"column {name}", f"{type_} is no decimal type", "use for example DECIMAL(18,2)")
    options = prop.logicalTypeOptions or {}
    for option in ("minLength", "maxLength"):
        if (length := options.get(option)) is not None and (type(length) is not int or length < 0):
            raise _problem(
                path, f"column {name}", f"{option} {length!r} is no length", "use a whole number of 0 or more"
            )
    for option in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        bound = options.get(option)
        if (
            bound is not None
            and type_ not in ("DATE", "TIMESTAMP")
            and (isinstance(bound, bool) or not isinstance(bound, int | float))
        ):
            raise _problem(
                path, f"column {name}", f"{option} {bound!r} is no number", "write it without quotes"
            )
    format_ = _custom(prop.customProperties).get("format") or options.get("format")
    if type_ in ("DATE", "TIMESTAMP") and format_ is not None and format_ != ISO and "%" not in str(format_):
        raise _problem(
            path,
            f"column {name}",
            f"format {format_!r} has no strptime codes",
            f"use for example %d/%m/%Y, or {ISO}",
        )
    allowed = None
    for rule in prop.quality or []:
        if rule.metric == "invalidValues" and "validValues" in (rule.arguments or {}):
            allowed = tuple(
                str(v).lower() if isinstance(v, bool) else str(v)
                for v in (rule.arguments or {})["validValues"]
            )
    return Column(
        name=name,
        source_name=prop.physicalName or name,
        type=type_,
        description=prop.description or "",
        required=bool(prop.required or prop.primaryKey),
        key_position=(prop.primaryKeyPosition or 1) if prop.primaryKey else None,
        classification=prop.classification or "internal",
        expression=prop.transformLogic,
        pattern=options.get("pattern"),
        min_length=options.get("minLength"),
        max_length=options.get("maxLength"),
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        exclusive_minimum=options.get("exclusiveMinimum"),
        exclusive_maximum=options.get("exclusiveMaximum"),
        allowed=allowed,
        format=None if format_ is None else str(format_),
        quality=tuple(prop.quality or []),
    )


def _columns(path: Path, table: SchemaObject) -> tuple[Column, ...]:
    columns = tuple(_column(path, p) for p in table.properties or [])
    names = [c.name for c in columns]
    for name in names:
        if names.count(name) > 1:
            raise _problem(path, f"column {name}", "named twice", "keep one")
    return columns


def _dialect(path: Path, server: Any) -> Dialect:
    custom = _custom(server.customProperties)
    known = {
        "delimiter": "delimiter",
        "quote": "quote",
        "nullValue": "null_value",
        "decimalMark": "decimal_mark",
        "thousandsMark": "thousands_mark",
        "dateFormat": "date_format",
        "timestampFormat": "timestamp_format",
        "timezone": "timezone",
    }
    for name in custom:
        if name not in known:
            raise _problem(
                path, f"servers.customProperties.{name}", "unknown setting", f"use one of {', '.join(known)}"
            )
    for name, value in custom.items():
        if value is not None and not isinstance(value, str):
            raise _problem(
                path, f"servers.customProperties.{name}", f"{value!r} is no text", "put it in quotes"
            )
    dialect = Dialect(
        encoding=server.encoding or "utf-8", **{known[k]: v for k, v in custom.items() if v is not None}
    )
    if dialect.delimiter == "\\t":
        dialect = replace(dialect, delimiter="\t")
    try:
        is_text = codecs.lookup(dialect.encoding)._is_text_encoding
    except LookupError:
        is_text = False
    if not is_text:
        raise _problem(
            path, "servers.encoding", f"unknown encoding {dialect.encoding!r}", "use utf-8, gbk, latin-1 …"
        )
    for place, value in (
        ("delimiter", dialect.delimiter),
        ("quote", dialect.quote),
        ("decimalMark", dialect.decimal_mark),
    ):
        if len(value) != 1 or value in "\r\n\0":
            raise _problem(path, f"servers.{place}", f"{value!r} is not one character", "give exactly one")
    if len(dialect.thousands_mark) > 1:
        raise _problem(
            path,
            "servers.thousandsMark",
            f"{dialect.thousands_mark!r} is not one character",
            "give one, or '' for none",
        )
    if dialect.delimiter == dialect.quote:
        raise _problem(path, "servers.quote", "the same as delimiter", "they must differ")
    if dialect.decimal_mark == dialect.thousands_mark:
        raise _problem(path, "servers.thousandsMark", "the same as decimalMark", "they must differ")
    if dialect.timezone is not None and dialect.timezone not in available_timezones():
        raise _problem(
            path,
            "servers.timezone",
            f"unknown timezone {dialect.timezone!r}",
            "use a name such as Asia/Shanghai",
        )
    return dialect


def read_source_contract(path: Path) -> SourceContract:
    """Read and check a source contract."""
    document, table = _read(path)
    columns = _columns(path, table)
    server = document.servers[0] if document.servers else None
    if server is None or not server.path:
        raise _problem(
            path,
            "servers",
            "no location",
            "give one server of type local with a path such as transactions/{date}/*.csv",
        )
    try:
        location_parts(server.path)
    except ValueError as error:
        raise _problem(path, "servers.path", f"location {server.path!r}", str(error)) from error
    if server.format not in FORMATS:
        raise _problem(
            path,
            "servers.format",
            f"format {server.format!r} is not supported",
            f"use one of {', '.join(FORMATS)}",
        )
    rules = []
    for quality in table.quality or []:
        if quality.type == "custom" and quality.engine == "mainstay":
            if not isinstance(quality.implementation, str) or not quality.name:
                raise _problem(
                    path, "quality", "a mainstay rule needs a name and an SQL condition", "give both"
                )
            rules.append(RowRule(quality.name, quality.description or quality.name, quality.implementation))
    contract = SourceContract(
        path=path,
        document=document,
        table=table,
        columns=columns,
        location=server.path,
        format=server.format,
        dialect=_dialect(path, server),
        rules=tuple(rules),
    )
    if not contract.key:
        raise _problem(path, "schema", "no primaryKey", "name the columns that tell one row from another")
    _check_properties(contract)
    formats = {
        "servers.dateFormat": contract.dialect.date_format,
        "servers.timestampFormat": contract.dialect.timestamp_format,
    }
    for place, fault in sql_faults(columns, rules, formats, LOAD_COLUMNS):
        raise _problem(path, place, fault, "mend it in the contract")
    return contract


def _check_properties(contract: SourceContract) -> None:
    """The contract-level settings: known names and values of their type."""
    path, properties = contract.path, contract.properties
    kinds: dict[str, tuple[type[Any] | tuple[type[Any], ...], str]] = {
        "obligatory": (bool, "true or false"),
        "toleratedRejectRate": ((int, float), "a share from 0 to 1"),
        "businessTime": (str, "a column's name"),
        "futureToleranceDays": (int, "a whole number of days"),
    }
    for name, value in properties.items():
        if name not in kinds:
            raise _problem(
                path, f"customProperties.{name}", "unknown setting", f"use one of {', '.join(kinds)}"
            )
        kind, meant = kinds[name]
        if value is not None and (
            not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
        ):
            raise _problem(path, f"customProperties.{name}", f"{value!r} is not {meant}", f"give {meant}")
    if not 0 <= contract.tolerated_reject_rate <= 1:
        raise _problem(
            path,
            "customProperties.toleratedRejectRate",
            f"{contract.tolerated_reject_rate} is no share",
            "use 0 to 1",
        )
    if contract.future_tolerance_days < 0:
        raise _problem(
            path,
            "customProperties.futureToleranceDays",
            f"{contract.future_tolerance_days} days",
            "use 0 or more",
        )
    for column in contract.columns:
        if column.name in LOAD_COLUMNS:
            raise _problem(
                path,
                f"column {column.name}",
                "the name is Mainstay's own",
                "choose another; physicalName keeps the source's",
            )
    time = contract.business_time
    if time is None:
        return
    if time not in {c.name for c in contract.columns}:
        raise _problem(
            path, "customProperties.businessTime", f"no column {time!r}", "name a DATE or TIMESTAMP column"
        )
    if contract.column(time).type not in ("DATE", "TIMESTAMP"):
        raise _problem(
            path,
            "customProperties.businessTime",
            f"{time} is {contract.column(time).type}",
            "name a DATE or TIMESTAMP column",
        )
    if not contract.column(time).required:
        raise _problem(
            path, f"column {time}", "it gives the business date but may be empty", "set required: true"
        )


def read_mart_contract(path: Path) -> MartContract:
    """Read and check a mart's contract."""
    document, table = _read(path)
    contract = MartContract(path=path, document=document, table=table, columns=_columns(path, table))
    if not contract.grain.startswith("One row per"):
        raise _problem(path, "dataGranularityDescription", "no grain", 'start with "One row per"')
    return contract


def source_contracts(settings: Settings) -> dict[str, SourceContract]:
    """The deployment's source contracts by dataset, in load order. An absent optional one is left out."""
    folder = settings.contracts / "sources"
    found: dict[str, SourceContract] = {}
    for path in sorted(folder.glob("*.odcs.yaml")):
        contract = read_source_contract(path)
        if contract.name not in DATASETS:
            raise _problem(
                path, "schema.name", f"unknown dataset {contract.name!r}", f"use one of {', '.join(DATASETS)}"
            )
        if contract.name in found:
            raise _problem(
                path,
                "schema.name",
                f"{contract.name} has a contract already ({found[contract.name].path})",
                "keep one",
            )
        _check_against_canon(contract)
        found[contract.name] = contract
    if "transactions" not in found:
        raise ContractError(
            f"{folder}: no contract for transactions; `mainstay init DIR` writes commented ones"
        )
    return {name: found[name] for name in DATASETS if name in found}


def canonical_contracts() -> dict[str, SourceContract]:
    """The shipped source contracts: the columns and types that the dbt models read."""
    return {name: _canonical(name) for name in DATASETS}


@lru_cache
def _canonical(name: str) -> SourceContract:
    """A shipped contract; it does not change while a process runs."""
    return read_source_contract(PROJECT_DIR / "data_contracts" / "sources" / f"{name}.odcs.yaml")


def _check_against_canon(contract: SourceContract) -> None:
    """A deployment may add columns and rules; the columns that models read keep name, type and key."""
    canon = _canonical(contract.name)
    if contract.path.resolve() == canon.path.resolve():
        return
    names = {c.name: c for c in contract.columns}
    for column in canon.columns:
        own = names.get(column.name)
        if own is None and column.required:
            raise _problem(
                contract.path,
                f"column {column.name}",
                "missing, and the marts need it",
                "add it, with transformLogic if the source has none",
            )
        if own is not None and column.required and not own.required:
            raise _problem(
                contract.path,
                f"column {column.name}",
                "may be empty, and the marts need it",
                "set required: true",
            )
        if own is not None and own.type != column.type:
            raise _problem(
                contract.path, f"column {column.name}", f"type {own.type}", f"the marts need {column.type}"
            )
    if contract.key != canon.key:
        raise _problem(contract.path, "primaryKey", f"key {contract.key}", f"the marts need {canon.key}")


def mart_contracts() -> dict[str, MartContract]:
    """The contracts of the published marts by name."""
    folder = PROJECT_DIR / "data_contracts" / "marts"
    contracts = [read_mart_contract(path) for path in sorted(folder.glob("*.odcs.yaml"))]
    return {contract.name: contract for contract in contracts}

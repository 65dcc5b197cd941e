"""SQL that turns a file's columns into a contract's columns, and that says which rows are good.

One description of a contract's rules serves two ways of reading. The quick way casts while it reads and stops
at the first bad row; the careful way reads text, keeps every row and names every reason. Both must accept the
same rows with the same values, so both are made here.

A number may differ from the contract's scale by less than half a unit four digits further on: that is
floating-point noise of the exporting program and is rounded away. Anything coarser is a bad row.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelines.contracts import ISO
from pipelines.contracts.sql import in_order
from pipelines.load.conditions import Rule, rejecting_rules
from pipelines.quoting import ident, literal

if TYPE_CHECKING:
    from pipelines.contracts import Column, Dialect, SourceContract

_GUARD_DIGITS = 4
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_ISO_DATE = r"\s*\d{4}-\d{2}-\d{2}\s*"
_ISO_LOCAL = r"\s*\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?\s*"
_ISO_ZONED = _ISO_LOCAL.removesuffix(r"\s*") + r"(Z|[+-]\d{2}(:?\d{2})?)\s*"
_SPECIAL = r"(?i)^\s*[+-]?(epoch|inf)"
"""Words that DuckDB's strptime takes for any format, and reads as 1900-01-01."""


_BLANKS = " \t\r\n\u00a0\u3000"
"""What a field of blanks is made of: also the blanks that spreadsheets and Chinese tills write."""


def source(column: Column) -> str:
    """Name under which a text column's original stands beside its value."""
    return ident(f"source text of {column.name}")


def is_number(column: Column) -> bool:
    """Whether a column holds numbers."""
    return column.type in ("INTEGER", "BIGINT", "DOUBLE") or column.type.startswith("DECIMAL")


def guard_type(column: Column, *, careful: bool = False) -> str:
    """A type with room for more digits than the contract's, so that a value that does not fit shows."""
    match = _DECIMAL.match(column.type)
    if match is None and column.type not in ("INTEGER", "BIGINT"):
        return column.type
    precision, scale = (int(match.group(1)), int(match.group(2))) if match else (18, 0)
    if careful or precision > 18 or column.type == "BIGINT":
        return f"DECIMAL(38,{min(scale + _GUARD_DIGITS, 38)})"
    return f"DECIMAL(18,{min(scale + _GUARD_DIGITS, 18)})"


def reads_typed(column: Column, dialect: Dialect) -> bool:
    """Whether DuckDB's CSV reader may cast this column itself and mean the same as `parse`."""
    if column.type == "VARCHAR":
        return True
    if column.type in ("DATE", "TIMESTAMP"):
        # The reader has one format a file, and takes a text without an offset for UTC where %z wants one.
        own = dialect.date_format if column.type == "DATE" else dialect.timestamp_format
        return column.format in (None, own) and own != ISO and not has_zone(column, dialect)
    if is_number(column):
        return dialect.decimal_mark == "." and not dialect.thousands_mark
    return column.type != "BOOLEAN"


def _number_text(text: str, dialect: Dialect) -> str:
    """Text of a number in the dialect's marks as SQL reads it; NULL where the marks do not fit."""
    if dialect.decimal_mark == "." and not dialect.thousands_mark:
        return text
    mark, thousands = re.escape(dialect.decimal_mark), re.escape(dialect.thousands_mark)
    grouped = rf"\d{{1,3}}({thousands}\d{{3}})+|" if thousands else ""
    shape = rf"\s*[+-]?({grouped}\d+)?({mark}\d*)?\s*"
    plain = f"replace({text}, {literal(dialect.thousands_mark)}, '')" if thousands else text
    return (
        f"CASE WHEN regexp_full_match({text}, {literal(shape)}) "
        f"THEN replace({plain}, {literal(dialect.decimal_mark)}, '.') END"
    )


def parse(column: Column, text: str, dialect: Dialect, zone: str) -> str:
    """SQL that reads a value from text; NULL where the text is none of the type.

    A timestamp whose format can hold an offset (see `has_zone`) comes as TIMESTAMP WITH TIME ZONE, `zone` being
    that of ISO 8601 texts without one.
    """
    if column.type == "VARCHAR":
        return text
    if column.type in ("DATE", "TIMESTAMP"):
        format_ = column.format or (
            dialect.date_format if column.type == "DATE" else dialect.timestamp_format
        )
        if format_ == ISO and column.type == "DATE":
            return (
                f"CASE WHEN regexp_full_match({text}, {literal(_ISO_DATE)}) THEN TRY_CAST({text} AS DATE) END"
            )
        if format_ == ISO:
            return (
                f"CASE WHEN regexp_full_match({text}, {literal(_ISO_ZONED)}) THEN TRY_CAST({text} AS TIMESTAMP WITH TIME ZONE) "
                f"WHEN regexp_full_match({text}, {literal(_ISO_LOCAL)}) "
                f"THEN timezone({literal(zone)}, TRY_CAST({text} AS TIMESTAMP)) END"
            )
        offset = f"regexp_replace({text}, 'Z\\s*$', '+0000')" if "%z" in format_ else text
        moment = f"try_strptime({offset}, {literal(format_)})"
        moment = f"CAST({moment} AS DATE)" if column.type == "DATE" else moment
        return f"CASE WHEN NOT regexp_matches({text}, {literal(_SPECIAL)}) THEN {moment} END"
    if is_number(column):
        return f"TRY_CAST({_number_text(text, dialect)} AS {guard_type(column, careful=True)})"
    return f"TRY_CAST({text} AS {column.type})"


def from_parquet(column: Column, value: str, kind: str, dialect: Dialect, *, cast: str = "CAST") -> str:
    """SQL that reads a value from a Parquet column that is not text, or is text for a VARCHAR."""
    if column.type == "VARCHAR":
        return f"nullif(CAST({value} AS VARCHAR), {literal(dialect.null_value)})"
    if is_number(column):
        # A figure too large for the quick way's narrower type stops it, and the careful way decides.
        return f"{cast}({value} AS {guard_type(column, careful=cast != 'CAST')})"
    # Nanoseconds, which hold no year before 1677, become microseconds as raw has them.
    return f"CAST({value} AS TIMESTAMP)" if kind == "timestamp" else value


def has_zone(column: Column, dialect: Dialect) -> bool:
    """Whether a timestamp's text carries its own offset."""
    format_ = column.format or dialect.timestamp_format
    return column.type == "TIMESTAMP" and (format_ == ISO or "%z" in format_ or "%Z" in format_)


def to_contract(column: Column, value: str, zone: str, *, zoned: bool) -> str:
    """SQL that brings a read value to the contract's type; timestamps to UTC."""
    if column.type == "TIMESTAMP":
        if zoned:
            return f"timezone('UTC', {value})"
        return value if zone == "UTC" else f"timezone('UTC', timezone({literal(zone)}, {value}))"
    if is_number(column) and column.type != "DOUBLE":
        return f"TRY_CAST({value} AS {column.type})"
    return f"CAST({value} AS DATE)" if column.type == "DATE" else value


def named(column: Column, value: str) -> str:
    """SQL of a value that is NULL where it names nobody: blanks, and what the contract says stands for no one."""
    if column.anonymous_values is None:
        return value
    nobody = ", ".join(literal(text) for text in dict.fromkeys(("", *column.anonymous_values)))
    return f"CASE WHEN trim({value}, {literal(_BLANKS)}) NOT IN ({nobody}) THEN {value} END"


def _shown(column: Column) -> str:
    """SQL text of the value as a person should see it in a reason."""
    return f"'''' || left(coalesce({source(column)}, ''), 60) || ''''"


def _value_shown(column: Column) -> str:
    return f"'''' || left(coalesce(CAST({ident(column.name)} AS VARCHAR), ''), 60) || ''''"


def type_rules(column: Column) -> list[Rule]:
    """Rules on how the text of a column reads, over the read (not yet contract-typed) values."""
    name, text = ident(column.name), source(column)
    rules = []
    if column.type != "VARCHAR":
        rules.append(
            Rule(
                f"({text} IS NULL OR {name} IS NOT NULL)",
                f"{literal(column.name + ': ')} || {_shown(column)} || {literal(f' is no {column.type}')}",
            )
        )
    rules += exact_rules(column)
    return rules


def exact_rules(column: Column, guard: str | None = None) -> list[Rule]:
    """A number must fit the contract's type without losing digits, a date its four-digit year and its whole day.

    Args:
        column: whose rules.
        guard: type that the value was read as, if it holds every value of the contract's type; figures of one
            type compare twice as fast.
    """
    name = ident(column.name)
    if column.type in ("DATE", "TIMESTAMP"):
        rules = [
            Rule(
                f"coalesce({name} >= DATE '1000-01-01', true)",
                f"{literal(column.name + ': ')} || {_shown(column)} || ' has no year of four digits'",
            )
        ]
        if column.type == "DATE":
            day = f"{name} IS NOT DISTINCT FROM date_trunc('day', {name})"
            rules.append(
                Rule(day, f"{literal(column.name + ': ')} || {_shown(column)} || ' has a time of day'")
            )
        return rules
    if not is_number(column) or column.type == "DOUBLE":
        return []
    rounded = f"TRY_CAST({name} AS {column.type})"
    return [
        Rule(
            f"{name} IS NOT DISTINCT FROM {rounded if guard is None else f'CAST({rounded} AS {guard})'}",
            f"{literal(column.name + ': ')} || {_shown(column)} || {literal(f' does not fit {column.type}')}",
        )
    ]


def value_rules(column: Column) -> list[Rule]:
    """The contract's row rules of one column, over contract-typed values. Empty optional values pass."""
    name = ident(column.name)
    label, shown = literal(column.name + ": "), _value_shown(column)
    rules = []
    if column.required:
        rules.append(Rule(f"{name} IS NOT NULL", literal(f"{column.name}: is empty but required")))

    def add(condition: str, what: str) -> None:
        rules.append(Rule(f"coalesce({condition}, true)", f"{label} || {shown} || {literal(' ' + what)}"))

    if column.pattern is not None:
        add(f"regexp_matches({name}, {literal(column.pattern)})", f"does not match {column.pattern}")
    if column.min_length is not None:
        add(f"length({name}) >= {int(column.min_length)}", f"is shorter than {column.min_length}")
    if column.max_length is not None:
        # A text has no more characters than bytes, and bytes need no counting.
        limit = int(column.max_length)
        add(
            f"(strlen({name}) <= {limit} OR length({name}) <= {limit})", f"is longer than {column.max_length}"
        )
    for bound, sign, what in (
        (column.minimum, ">=", "below the minimum"),
        (column.maximum, "<=", "above the maximum"),
        (column.exclusive_minimum, ">", "not above"),
        (column.exclusive_maximum, "<", "not below"),
    ):
        if bound is not None:
            value = (
                literal(str(bound)) + f"::{column.type}"
                if column.type in ("DATE", "TIMESTAMP")
                else repr(bound)
            )
            add(f"{name} {sign} {value}", f"is {what} {bound}")
    if column.allowed is not None:
        values = ", ".join(f"CAST({literal(value)} AS {column.type})" for value in column.allowed)
        add(f"{name} IN ({values})", f"is none of {', '.join(column.allowed)}")
    if column.type == "DOUBLE":
        add(f"isfinite({name})", "is no finite number")
    return rules


def row_rules(contract: SourceContract) -> list[Rule]:
    """The contract's rules over whole rows, business date included, over contract-typed values."""
    rules = [rule for column in contract.columns for rule in value_rules(column)]
    rules += [
        Rule(f"coalesce(({rule.condition}), false)", literal(f"{rule.name}: {rule.description}"))
        for rule in contract.rules
    ]
    rules += rejecting_rules(contract)
    if contract.business_time is not None:
        tolerance = contract.future_tolerance_days
        rules.append(
            Rule(
                f"coalesce(business_date <= partition_date + {tolerance}, true)",
                f"{literal(contract.business_time + ': ')} || strftime(business_date, '%Y-%m-%d') || "
                f"' is in the future of its file''s date ' || strftime(partition_date, '%Y-%m-%d')",
            )
        )
    return rules


def typed(contract: SourceContract, zone: str, *, read_from: str, kinds: dict[str, bool], extra: str) -> str:
    """SELECT of contract-typed, derived and business-date columns over read values.

    Args:
        contract: the dataset's contract.
        zone: the reporting timezone.
        read_from: SQL relation with the read values under the contract's column names.
        kinds: for timestamp columns, whether the read value carries its own zone.
        extra: further columns to carry along, as SQL.
    """
    source_zone = contract.dialect.timezone or zone
    casts = [
        f"{named(c, to_contract(c, ident(c.name), source_zone, zoned=kinds.get(c.name, False)))} AS {ident(c.name)}"
        for c in contract.source_columns
    ]
    # An optional column that the file does not have is empty, also for the rules that name it.
    casts += [f"CAST(NULL AS {c.type}) AS {ident(c.name)}" for c in contract.left_out]
    date_of = _business_date(contract, zone, source_zone, kinds)
    extra = ", ".join((extra, *contract.file_columns))
    inner = f"SELECT {', '.join(casts)}, {date_of} AS business_date, {extra} FROM {read_from}"
    for level in in_order(contract.columns):
        derived = [f"{named(c, f'CAST(({c.expression}) AS {c.type})')} AS {ident(c.name)}" for c in level]
        inner = f"SELECT *, {', '.join(derived)} FROM ({inner})"
    if contract.business_time is not None and contract.column(contract.business_time).expression is not None:
        # A derived business time is only known now; it is in UTC already.
        time = contract.column(contract.business_time)
        local = (
            ident(time.name)
            if time.type == "DATE"
            else f"timezone({literal(zone)}, timezone('UTC', {ident(time.name)}))"
        )
        inner = f"SELECT * REPLACE (CAST({local} AS DATE) AS business_date) FROM ({inner})"
    return inner


def _business_date(contract: SourceContract, zone: str, source_zone: str, kinds: dict[str, bool]) -> str:
    """The local date, in the reporting timezone, on which the row's thing happened."""
    if contract.business_time is None:
        return "partition_date"
    time = contract.column(contract.business_time)
    if time.expression is not None:
        return "CAST(NULL AS DATE)"
    value = ident(time.name)
    if time.type == "DATE":
        return f"CAST({value} AS DATE)"
    if kinds.get(time.name, False):
        return f"CAST(timezone({literal(zone)}, {value}) AS DATE)"
    if source_zone == zone:
        return f"CAST({value} AS DATE)"
    return f"CAST(timezone({literal(zone)}, timezone({literal(source_zone)}, {value})) AS DATE)"

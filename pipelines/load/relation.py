"""SQL that turns a file's columns into a contract's columns, and that says which rows are good.

One description of a contract's rules serves two ways of reading. The quick way casts while it reads and stops
at the first bad row; the careful way reads text, keeps every row and names every reason. Both must accept the
same rows with the same values, so both are made here, of the single values that `values` reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.contracts.expressions import names_in
from pipelines.contracts.persons import ERASED, erased_word, treatment
from pipelines.contracts.sql import in_order
from pipelines.load.clocks import exists_at
from pipelines.load.conditions import Rule, rejecting_rules
from pipelines.load.values import format_of, in_range, is_number, is_skipped, to_contract
from pipelines.quoting import ident, literal
from pipelines.showing import HIDDEN, shown, sql_without_addresses

if TYPE_CHECKING:
    from pipelines.contracts import Column, Dialect, SourceContract


_BLANKS = " \t\r\n\u00a0\u3000"
"""What a field of blanks is made of: also the blanks that spreadsheets and Chinese tills write."""
_SKIPPED = " is in an hour that the clocks of {} skip"


def source(column: Column) -> str:
    """Name under which a text column's original stands beside its value."""
    return ident(f"source text of {column.name}")


def named(column: Column, value: str) -> str:
    """SQL of a value that is NULL where it names nobody: blanks, and what the contract says stands for no one."""
    if column.anonymous_values is None:
        return value
    nobody = ", ".join(literal(text) for text in dict.fromkeys(("", *column.anonymous_values)))
    return f"CASE WHEN trim({value}, {literal(_BLANKS)}) NOT IN ({nobody}) THEN {value} END"


def _shown(column: Column) -> str:
    """SQL text of the value as a person should see it in a reason; reasons are read by more people than rows."""
    if column.is_personal:
        return literal(shown("", is_personal=True))
    return _quoted(source(column))


def _value_shown(column: Column) -> str:
    if column.is_personal:
        return literal(shown("", is_personal=True))
    return _quoted(f"CAST({ident(column.name)} AS VARCHAR)")


def _quoted(text: str) -> str:
    """SQL: a text as `shown` has it, but for what a terminal obeys: that is written out where it is printed."""
    said = sql_without_addresses(f"coalesce({text}, '')")
    return f"'''' || left({said}, 60) || ''''"


def type_rules(column: Column, dialect: Dialect, zone: str, *, zoned: bool) -> list[Rule]:
    """Rules on how the text of a column reads, over the read (not yet contract-typed) values; see `exact_rules`."""
    name, text = ident(column.name), source(column)
    rules = []
    if column.type != "VARCHAR":
        form = f" by {format_of(column, dialect)}" if column.type in ("DATE", "TIMESTAMP") else ""
        what = literal(f" is no {column.type}{form}")
        if skipped := is_skipped(column, text, dialect):
            what = f"CASE WHEN {skipped} THEN {literal(_SKIPPED.format(zone))} ELSE {what} END"
        rules.append(
            Rule(
                f"({text} IS NULL OR {name} IS NOT NULL)",
                f"{literal(column.name + ': ')} || {_shown(column)} || {what}",
            )
        )
    return rules + exact_rules(column, zone, zoned=zoned)


def exact_rules(column: Column, zone: str, *, zoned: bool, guard: str | None = None) -> list[Rule]:
    """What no value may lose: a number its digits, a date its four-digit year and its time of day, a time its hour.

    Args:
        column: whose rules.
        zone: timezone of times that carry none.
        zoned: whether these times carry their own.
        guard: type that the value was read as, if it holds every value of the contract's type; figures of one
            type compare twice as fast.
    """
    name = ident(column.name)

    def rule(condition: str, what: str) -> Rule:
        return Rule(condition, f"{literal(column.name + ': ')} || {_shown(column)} || {literal(' ' + what)}")

    if column.type in ("DATE", "TIMESTAMP"):
        rules = [rule(f"coalesce({in_range(name)}, true)", "has no year of four digits")]
        # What is out of range is not looked at: it may overflow.
        if column.type == "DATE":
            day = f"CASE WHEN {in_range(name)} THEN {name} = date_trunc('day', {name}) ELSE true END"
            rules.append(rule(day, "has a time of day"))
        elif not zoned and (shown := exists_at(name, zone)) != "true":
            rules.append(
                rule(
                    f"CASE WHEN {in_range(name)} THEN {shown} ELSE true END",
                    _SKIPPED.format(zone).strip(),
                )
            )
        return rules
    if not is_number(column) or column.type == "DOUBLE":
        return []
    rounded = f"TRY_CAST({name} AS {column.type})"
    if column.rounding is not None:
        return [rule(f"({name} IS NULL OR {rounded} IS NOT NULL)", f"does not fit {column.type}")]
    same = rounded if guard is None else f"CAST({rounded} AS {guard})"
    return [rule(f"{name} IS NOT DISTINCT FROM {same}", f"does not fit {column.type}")]


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
    words = treatment(contract).words
    rules = [_spared(rule, words & {c.name}) for c in contract.columns for rule in value_rules(c)]
    rules += [
        _spared(
            Rule(f"coalesce(({rule.condition}), false)", literal(f"{rule.name}: {rule.description}")),
            words & names_in(rule.condition) if words else words,
        )
        for rule in contract.rules
    ]
    rules += rejecting_rules(contract)
    if contract.business_time is not None:
        tolerance = contract.future_tolerance_days
        is_personal = contract.column(contract.business_time).is_personal
        date_shown = literal(HIDDEN) if is_personal else "strftime(business_date, '%Y-%m-%d')"
        rules.append(
            Rule(
                f"coalesce(business_date <= partition_date + {tolerance}, true)",
                f"{literal(contract.business_time + ': ')} || {date_shown} || "
                f"' is in the future of its file''s date ' || strftime(partition_date, '%Y-%m-%d')",
            )
        )
    return rules


def _spared(rule: Rule, words: frozenset[str]) -> Rule:
    """The rule, but not of what an erased customer has left: it was a good row."""
    if not words:
        return rule
    erased = " OR ".join(f"{ident(name)} = {literal(ERASED)}" for name in sorted(words))
    return Rule(f"(coalesce({erased}, false) OR {rule.condition})", rule.reason)


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
        derived = [f"{named(c, _derived(contract, c))} AS {ident(c.name)}" for c in level]
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


def _derived(contract: SourceContract, column: Column) -> str:
    value = f"CAST(({column.expression}) AS {column.type})"
    erased = erased_word(contract, column)
    return f"CASE WHEN {erased} THEN {literal(ERASED)} ELSE {value} END" if erased else value


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

"""Writes every generated file: dbt's property files, the data dictionary and the settings table of the guide.

`python -m pipelines.contracts.generate` writes what differs; with `--check` it writes nothing, names what differs and
exits 1. All of it comes from the contracts and from `pipelines.settings`, so none of it is edited by hand.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.contracts import canonical_contracts, dbt_properties, mart_contracts
from pipelines.contracts.info_table import INFO_COLUMNS, INFO_COMMENT, INFO_TABLE
from pipelines.errors import ContractError, MainstayError
from pipelines.settings import PROJECT_DIR, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from open_data_contract_standard.model import DataQuality

    from pipelines.contracts import Column, Contract, MartContract, SourceContract

DOCS = PROJECT_DIR / "docs"
GUIDE = DOCS / "bring-your-own-data.md"
DICTIONARY = DOCS / "data-dictionary.md"
BEGIN = "<!-- settings: begin, written by `make docs` -->"
END = "<!-- settings: end -->"

COLUMN_HEAD = ("column", "type", "key", "required", "class", "meaning", "rules")
DOMAINS = {
    "core": "Core",
    "tiers": "Customer tiers",
    "wallet": "Share of wallet",
    "retention": "Retention",
    "value": "Customer value",
}
"""Headings of the marts' domains, in the order of the dictionary; others follow under their own name."""

INTRO = """# Data dictionary

Written from the contracts in `data_contracts/` by `make docs`; do not edit it.

The [marts](#marts) are what BI reads: tables of `var/serving/marts.duckdb` and Parquet files of the same name.
The [sources](#sources) are what Mainstay loads; a deployment may name its own files, columns and rules
([Bring your own data](bring-your-own-data.md)), the columns here keep their name and type.

Key columns carry their place in the key. Class is `internal`, or `pii` for personal data, which is never
published. Money is in the reporting currency, net of discounts and returns, before tax. Shares and rates are
fractions from 0 to 1 unless the meaning says otherwise. A month is the date of its first day. Timestamps are UTC.
"""


def _cell(text: object) -> str:
    """Text that stays within its cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def _code(text: object) -> str:
    """Text as code within a cell."""
    return f"`{_cell(text)}`"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def _quality(rule: DataQuality) -> str | None:
    """One line for a data quality rule; None for the allowed values, which stand with their column."""
    label = f"{rule.name}: " if rule.name else ""
    if rule.type == "custom" and rule.engine == "mainstay":
        return f"{label}{rule.description or rule.name} ({_code(rule.implementation)})"
    if rule.type == "custom":
        wanted: Any = rule.implementation
        kwargs = ", ".join(f"{k}={v}" for k, v in (wanted.get("kwargs") or {}).items())
        return f"{label}{_code(wanted['type'])} ({_cell(kwargs)})"
    if rule.metric == "invalidValues" and "validValues" in (rule.arguments or {}):
        return None
    bounds = {
        name: value for name, value in rule.model_dump(exclude_none=True).items() if name.startswith("must")
    }
    unit = " percent" if rule.unit == "percent" else ""
    said = "; ".join(f"{_words(name)} {value}{unit}" for name, value in bounds.items())
    return f"{label}{_words(rule.metric or rule.type or 'rule')} {said}"


def _words(name: str) -> str:
    """`mustBeGreaterThan` as words."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name)


def _rules(contract: Contract, column: Column) -> str:
    """A column's rules, in the words of a person who reads a table."""
    said = []
    if column.pattern is not None:
        said.append(f"matches {_code(column.pattern)}")
    for value, what in (
        (column.min_length, "at least {} characters"),
        (column.max_length, "at most {} characters"),
        (column.minimum, "≥ {}"),
        (column.exclusive_minimum, "> {}"),
        (column.maximum, "≤ {}"),
        (column.exclusive_maximum, "< {}"),
    ):
        if value is not None:
            said.append(what.format(value))
    if column.allowed is not None:
        said.append("one of " + ", ".join(map(_code, column.allowed)))
    if column.format is not None:
        said.append(f"written as {_code(column.format)}")
    if column.expression is not None:
        said.append(f"derived: {_code(column.expression)}")
    said += [text for rule in column.quality if (text := _quality(rule))]
    prop = next(p for p in contract.table.properties or [] if p.name == column.name)
    said += [f"refers to {_code(relationship.to)}" for relationship in prop.relationships or []]
    return "; ".join(said)


def _columns(contract: Contract) -> str:
    rows = []
    for column in contract.columns:
        if not column.description:
            raise ContractError(
                f"{contract.path}: column {column.name} has no description; say what it means"
            )
        key = str(contract.key.index(column.name) + 1) if column.name in contract.key else ""
        rows.append(
            [
                _code(column.name), column.type, key, "yes" if column.required else "", column.classification,
                _cell(column.description), _rules(contract, column),
            ]
        )  # fmt: skip
    return _table(COLUMN_HEAD, rows)


def _opening(contract: Contract) -> list[str]:
    """Heading, grain, purpose, usage and limits of a dataset or mart."""
    said = contract.document.description
    lines = [
        f"### {contract.name}",
        "",
        f"**{contract.grain}** {_sentence(contract.table.description, contract.grain)}",
        "",
    ]
    for label, text in (
        ("Purpose", said and said.purpose),
        ("Use", said and said.usage),
        ("Limits", said and said.limitations),
    ):
        if not text:
            raise ContractError(
                f"{contract.path}: description: no {label.lower()}; give purpose, usage and limitations"
            )
        lines.append(f"- {label}: {_cell(text)}")
    return lines


def _sentence(text: str | None, grain: str) -> str:
    return "" if text is None or text == grain else _cell(text)


def _table_rules(contract: Contract) -> list[str]:
    return [f"- Rule {text}" for rule in contract.quality if (text := _quality(rule))]


def mart_section(contract: MartContract) -> str:
    """The dictionary's section of a mart."""
    lines = [
        *_opening(contract),
        f"- Contract: version {contract.version}",
        *_table_rules(contract),
        "",
        _columns(contract),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def source_section(contract: SourceContract) -> str:
    """The dictionary's section of a source dataset as shipped."""
    time = contract.business_time
    shape = f"`{contract.location}`, {contract.format}, {contract.dialect.encoding}"
    lines = [
        *_opening(contract),
        f"- Files as shipped: {shape}; {'obligatory' if contract.is_obligatory else 'optional'}",
        f"- Business date: {f'local date of `{time}`' if time else 'date of the landing folder'}",
        f"- Tolerated reject rate {contract.tolerated_reject_rate:.2%} per date; stale after {contract.freshness_days} days; "
        f"contract version {contract.version}",
        *_table_rules(contract),
        "",
        _columns(contract),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _publish_section() -> str:
    rows = [[_code(name), type_, _cell(meaning)] for name, type_, meaning in INFO_COLUMNS]
    return f"### {INFO_TABLE}\n\n{INFO_COMMENT}\n\n{_table(('column', 'type', 'meaning'), rows)}\n"


def dictionary() -> str:
    """The text of the data dictionary.

    Raises:
        ContractError: no contract was found, or one leaves out what a reader needs.
    """
    marts, sources = mart_contracts(), canonical_contracts()
    if not marts or not sources:
        raise ContractError("no contracts below data_contracts; the data dictionary cannot be written")
    parts = [INTRO, "## Marts\n"]
    for domain in sorted({c.domain for c in marts.values()}, key=lambda d: ([*DOMAINS, d].index(d), d)):
        parts.append(f"**{DOMAINS.get(domain, domain)}**\n")
        parts += [mart_section(c) for c in marts.values() if c.domain == domain]
    parts += ["**Publishing**\n", _publish_section(), "## Sources\n", *map(source_section, sources.values())]
    return "\n".join(parts)


def settings_table() -> str:
    """Every setting with its default and meaning, as a Markdown table."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = str(field.default).lower() if isinstance(field.default, bool) else field.default
        shown = "the checkout" if name == "home" else "" if default is None else _code(default)
        in_file = "" if name in ("home", "notify_webhook_url") else _code(name)
        rows.append([_code(f"MAINSTAY_{name.upper()}"), in_file, shown, _cell(field.description or "")])
    return _table(("environment", "mainstay.toml", "default", "meaning"), rows)


def guide(text: str) -> str:
    """The guide's text with the settings table between its two marks made anew."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ContractError(f"{GUIDE}: the marks of the settings table are gone; put {BEGIN} and {END} back")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{settings_table()}\n\n{END}{rest.split(END)[1]}"


def render() -> dict[Path, str]:
    """The text of every generated file by its path."""
    return {
        **dbt_properties.render(),
        DICTIONARY: dictionary(),
        GUIDE: guide(GUIDE.read_text(encoding="utf-8")),
    }


def differing() -> dict[Path, str]:
    """The generated files that are missing or say something else, with the text they should have."""
    return {
        path: text
        for path, text in render().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what differs, or with `--check` only say so; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write the generated files from the contracts and settings.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs")
    check = parser.parse_args(arguments).check
    try:
        found = differing()
    except (MainstayError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 1)
    for path, text in found.items():
        shown = path.relative_to(PROJECT_DIR)
        if check:
            print(f"{shown} is not what the contracts and settings say; run `make docs`", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")
            print(f"written: {shown}")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Writes the data dictionary, `docs/data-dictionary/`, from the contracts.

An index, a page per domain of the marts, each mart with three sample rows, and a page of the sources. A new domain gets a
page by itself; a line in `DOMAINS` gives it a heading and a sentence.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from pipelines.contracts import samples
from pipelines.contracts.catalog import canonical_contracts, mart_contracts
from pipelines.contracts.info_table import INFO_COLUMNS, INFO_COMMENT, INFO_TABLE
from pipelines.contracts.markdown import cell, code, table
from pipelines.contracts.wording import column_rules, rule_in_words
from pipelines.errors import ContractError
from pipelines.settings import PROJECT_DIR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipelines.contracts.model import Contract, MartContract, SourceContract

FOLDER = PROJECT_DIR / "docs" / "data-dictionary"

DOMAINS = {
    "core": ("Core", "The customers, what they bought and what they told us: the tables that the others join to."),
    "tiers": ("Customer tiers", "Who is in which tier, how customers move, and what each tier brings."),
    "wallet": ("Share of wallet", "How much of a customer's spend is with us, and how much more could be."),
    "retention": ("Retention", "Who stays, who is at risk, who has left, and how much revenue stays."),
    "feedback": ("Voice of the customer", "What customers say, how fast they are answered, and what they complain of."),
    "loyalty": ("Loyalty", "Whether customers like us, whether they act like it, and what drives both."),
    "care": ("Care", "Whom to contact when, how, and what about; and whether it was done."),
    "people": ("People", "Whether staff stay, and whether the customers of their stores do."),
    "defections": ("Defectors", "Who left, why, what it costs, and who was won back."),
    "points": ("Points", "What customers earned and spent in points, what they still hold, and what it binds of revenue."),
    "offers": ("Offers", "What to offer to whom, and how often it would have been bought."),
    "value": ("Customer value", "What customers are worth, what better retention would bring, and how far to trust the fits."),
    "quality": ("Data quality", "What became of the rows that landed."),
}  # fmt: skip
"""Heading and sentence of a domain's page, in the order of the index; others follow under their own name."""

WIDE = 8
"""Sample rows of more columns than this stand upright, a line per column."""

INDEX = """# Data dictionary

Written from the contracts in `data_contracts/` by `make docs`; do not edit it.

The [marts](#marts) are what BI reads: tables of `var/serving/marts.duckdb` and Parquet files of the same name. The
[sources](sources.md) are what Mainstay loads; a deployment may name its own files, columns and rules
([Bring your own data](../bring-your-own-data.md)), the columns here keep their name and type.

How to read a page:

- Each mart opens with what one row is. The columns that tell one row from another are its key; their place in it is shown.
- Money is in the reporting currency, net of discounts and returns, before tax. The types are those of a currency of two
  decimals; [decision 9](../decisions/0009-settings-and-policy-files.md#decimals-of-the-currency) says what others have.
- Shares and rates are fractions from 0 to 1 unless the meaning says otherwise: 0.25 is 25 %.
- A month is the date of its first day. The running month's row is a projection; `is_complete_month` is false there.
- Dates are local business dates, timestamps are UTC.
- Where a definition was open, [decision 8](../decisions/0008-where-the-definitions-are-silent.md) says what was chosen, with
  worked figures.

## Marts

{marts}

## Sources

{sources}

## Publishing

`{info}`: {info_comment}

{info_columns}

## Sample rows

Each mart shows three rows of the demo's night of {as_of_date}, kept in [samples.json](samples.json). They are chosen to show
different cases, so they are no typical customers. Fractions are rounded; an empty cell is a null. Take the rows anew when a
mart is new, or has other columns or another meaning: `make nightly`, then
`{command}`.
"""


def _columns(contract: Contract) -> str:
    rows = []
    for column in contract.columns:
        if not column.description:
            raise ContractError(
                f"{contract.path}: column {column.name} has no description; say what it means"
            )
        key = str(contract.key.index(column.name) + 1) if column.name in contract.key else ""
        rows.append(
            [code(column.name), column.type, key, cell(column.description), column_rules(contract, column)]
        )
    return table(("column", "type", "key", "meaning", "rules"), rows)


def _section(contract: Contract, facts: Sequence[str]) -> list[str]:
    """Heading, grain, purpose, usage, limits, facts and columns of a dataset or mart."""
    said = contract.document.description
    about = "" if contract.table.description == contract.grain else cell(contract.table.description or "")
    lines = [f"## {contract.name}", "", f"**{contract.grain}** {about}".rstrip(), ""]
    for label, text in (
        ("Purpose", said and said.purpose),
        ("Use", said and said.usage),
        ("Limits", said and said.limitations),
    ):
        if not text:
            raise ContractError(
                f"{contract.path}: description: no {label.lower()}; give purpose, usage and limitations"
            )
        lines.append(f"- {label}: {cell(text)}")
    lines += [f"- {fact}" for fact in facts]
    lines += [f"- Checked: {text}" for rule in contract.quality if (text := rule_in_words(rule))]
    return [*lines, "", *_columns(contract).splitlines(), ""]


def mart_section(contract: MartContract, rows: Sequence[samples.Row], as_of_date: str) -> str:
    """The dictionary's section of a mart, with its sample rows where there are any."""
    lines = _section(contract, [f"Contract: version {contract.version}"])
    if rows:
        lines += [f"Three rows of the demo's night of {as_of_date}:", "", *_sample(rows).splitlines(), ""]
    return "\n".join(line.rstrip() for line in lines)


def _sample(rows: Sequence[samples.Row]) -> str:
    shown = [{name: cell(value or "") for name, value in row.items()} for row in rows]
    names = list(shown[0])
    if len(names) <= WIDE:
        return table([code(name) for name in names], [list(row.values()) for row in shown])
    head = ["column", *(f"row {number}" for number in range(1, len(shown) + 1))]
    return table(head, [[code(name), *(row[name] for row in shown)] for name in names])


def source_section(contract: SourceContract) -> str:
    """The dictionary's section of a source dataset as shipped."""
    time = contract.business_time
    facts = [
        f"Files as shipped: `{contract.location}`, {contract.format}, {contract.dialect.encoding}; "
        f"{'obligatory' if contract.is_obligatory else 'optional'}",
        f"Business date: {f'local date of `{time}`' if time else 'date of the landing folder'}",
        f"Tolerated reject rate {contract.tolerated_reject_rate:.2%} per date; "
        f"stale after {contract.freshness_days} days; contract version {contract.version}",
    ]
    return "\n".join(line.rstrip() for line in _section(contract, facts))


def domain_page(domain: str, sections: Sequence[str]) -> str:
    """The page of a domain of the marts."""
    heading, about = DOMAINS.get(domain, (domain.replace("_", " ").capitalize(), ""))
    opening = f"{about} How to read this page: [the index](README.md).".strip()
    return f"# {heading}\n\n{opening}\n\n" + "\n".join(sections)


def _index(marts: Sequence[MartContract], sources: Sequence[SourceContract], as_of_date: str) -> str:
    return INDEX.format(
        marts=table(
            ("mart", "domain", "one row per", "what for"),
            [
                [
                    f"[{c.name}]({c.domain}.md#{c.name})", DOMAINS.get(c.domain, (c.domain, ""))[0],
                    _per(c), cell(c.document.description and c.document.description.purpose),
                ]
                for c in marts
            ],
        ),
        sources=table(
            ("dataset", "one row per", "what for"),
            [
                [f"[{c.name}](sources.md#{c.name})", _per(c), cell(c.document.description and c.document.description.purpose)]
                for c in sources
            ],
        ),
        info=INFO_TABLE,
        info_comment=INFO_COMMENT,
        info_columns=table(
            ("column", "type", "meaning"), [[code(n), type_, cell(meaning)] for n, type_, meaning in INFO_COLUMNS]
        ),
        as_of_date=as_of_date,
        command=samples.COMMAND,
    )  # fmt: skip


def _per(contract: Contract) -> str:
    return cell(contract.grain.removeprefix("One row per ").removesuffix("."))


def render(as_of_date: str, rows: Mapping[str, Sequence[samples.Row]]) -> dict[Path, str]:
    """The text of every page by its path.

    Raises:
        ContractError: no contract was found, or one leaves out what a reader needs.
    """
    sources = list(canonical_contracts().values())
    order = [*DOMAINS]
    marts = sorted(
        mart_contracts().values(),
        key=lambda c: (order.index(c.domain) if c.domain in order else len(order), c.domain, c.name),
    )
    if not marts or not sources:
        raise ContractError("no contracts below data_contracts; the data dictionary cannot be written")
    pages = {
        FOLDER / "README.md": _index(marts, sources, as_of_date),
        FOLDER
        / "sources.md": "# Sources\n\nThe datasets that Mainstay loads. How to read this page: [the index](README.md).\n\n"
        + "\n".join(map(source_section, sources)),
    }
    for domain, contracts in groupby(marts, key=lambda c: c.domain):
        sections = [mart_section(c, rows.get(c.name, []), as_of_date) for c in contracts]
        pages[FOLDER / f"{domain}.md"] = domain_page(domain, sections)
    return pages

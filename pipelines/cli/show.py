"""What a mart is, by its contract and as it is published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.common import JsonFlag, clear_errors, load_settings, out, print_json
from pipelines.cli.rows import Rows, as_records, as_table
from pipelines.cli.tables import Listing, count, facts_table
from pipelines.errors import SettingsError

if TYPE_CHECKING:
    from pipelines.contracts import MartContract
    from pipelines.publish.catalog import Published
    from pipelines.settings import Settings


def _marts(incomplete: str) -> list[str]:
    """Words to complete a mart's name with."""
    from pipelines.contracts.catalog import SHIPPED
    from pipelines.settings import contract_files

    # By the files' names alone: to read them all takes longer than one waits for a word.
    names = (path.name.partition(".")[0] for path in contract_files(SHIPPED / "marts"))
    return [name for name in names if name.startswith(incomplete)]


@clear_errors
def show(
    mart: Annotated[
        str | None, typer.Argument(metavar="[MART]", help="Default: list all marts.", autocompletion=_marts)
    ] = None,
    rows: Annotated[int, typer.Option(help="First rows to show.", min=0)] = 3,
    as_json: JsonFlag = False,
) -> None:
    """Say what a mart is: its purpose, what a row of it stands for, its columns, and its first rows."""
    from pipelines.contracts import mart_contracts

    settings = load_settings()
    contracts, published = mart_contracts(settings), _published(settings)
    if mart is None:
        _list(contracts, published, as_json=as_json)
        return
    if mart not in contracts:
        near = get_close_matches(mart, contracts, n=3, cutoff=0.5) or [n for n in contracts if mart in n][:3]
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise SettingsError(f"there is no mart {mart!r}; {hint}`mainstay show` lists all")
    described = _described(contracts[mart], published)
    with _first_rows(settings, contracts[mart], published, rows) as first:
        if as_json:
            print_json({**described, "first_rows": [] if first is None else as_records(first)})
            return
        _print(described)
        if first is not None:
            out.print()
            out.print(as_table(first, "First rows"))


def _published(settings: Settings) -> Published | None:
    """The night that is served, as its own file; None before the first."""
    from pipelines.publish import current
    from pipelines.publish.reading import find_version

    return None if current(settings) is None else find_version(settings)


@contextmanager
def _first_rows(
    settings: Settings, contract: MartContract, published: Published | None, rows: int
) -> Iterator[Rows | None]:
    """The first rows in the key's order, to be read within; None where none are wanted, or published."""
    from pipelines.publish.reading import reading
    from pipelines.quoting import ident

    if not rows or published is None or contract.name not in published.tables:
        yield None
        return
    order = f" ORDER BY {', '.join(map(ident, contract.key))}" if contract.key else ""
    with reading(settings, published) as connection:
        connection.execute(f"FROM {ident(contract.name)}{order} LIMIT {rows:d}")
        yield Rows(connection)


def _described(contract: MartContract, published: Published | None) -> dict[str, Any]:
    table = published.tables.get(contract.name) if published else None
    about = contract.document.description
    return {
        "name": contract.name,
        "domain": contract.domain,
        "purpose": about and about.purpose,
        "usage": about and about.usage,
        "limitations": about and about.limitations,
        "grain": contract.grain,
        "key": list(contract.key),
        "columns": [{"name": c.name, "type": c.type, "description": c.description} for c in contract.columns],
        "rows": table and table.row_count,
        "as_of_date": published.as_of_date if published and table else None,
        "version": published.version if published and table else None,
    }


def _print(mart: dict[str, Any]) -> None:
    out.print(f"[bold]{mart['name']}[/]")
    published = (
        f"{count(mart['rows'])} as of {mart['as_of_date']}" if mart["version"] else "not published yet"
    )
    told = [
        ("what", mart["purpose"]),
        ("a row", mart["grain"]),
        ("key", ", ".join(mart["key"])),
        ("use", mart["usage"]),
        ("limits", mart["limitations"]),
        ("rows", published),
        ("version", mart["version"]),
    ]
    out.print(facts_table([(name, text) for name, text in told if text]))
    out.print()
    columns = Listing(None, ("column", "type", "meaning"))
    for column in mart["columns"]:
        columns.add(column["name"], column["type"], column["description"])
    out.print(columns)


def _list(contracts: dict[str, MartContract], published: Published | None, *, as_json: bool) -> None:
    """All marts, by domain."""
    listed = [_described(contract, published) for contract in contracts.values()]
    listed.sort(key=lambda mart: (mart["domain"], mart["name"]))
    if as_json:
        print_json([{k: mart[k] for k in ("name", "domain", "purpose", "grain", "rows")} for mart in listed])
        return
    for domain, marts in groupby(listed, key=lambda mart: mart["domain"]):
        table = Listing(domain, ("mart", "rows", "a row"), {"rows"})
        for mart in marts:
            table.add(mart["name"], count(mart["rows"]), mart["grain"])
        out.print(table)
        out.print()
    as_of = f"published as of {published.as_of_date}" if published else "nothing is published yet"
    out.print(f"{len(listed)} marts, {as_of}; `mainstay show MART` says more of one", soft_wrap=True)

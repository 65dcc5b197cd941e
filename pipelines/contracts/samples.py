"""Sample rows of the marts, for the data dictionary: three of each, from the demo's published night.

They are kept in `docs/data-dictionary/samples.json`, so that writing the documents needs no night.
`python -m pipelines.contracts.generate --samples FILE` takes them anew from a served `marts.duckdb`.

Which rows: of a mart with a `month`, those of the newest month that is complete on the as-of date and, where that has fewer
than three, of the months before it too. The first row is the one with the fewest nulls. The second and the third are
those that differ in most columns from the rows taken before: in those that have a list of allowed values, such as a
status, then in keys, texts and flags. Ties go to the first in the key's order, newest month first. So one night always
gives the same rows, and the three show different cases.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import duckdb

from pipelines.errors import ContractError
from pipelines.quoting import ident, literal
from pipelines.settings import PROJECT_DIR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pipelines.contracts import MartContract

SAMPLES = PROJECT_DIR / "docs" / "data-dictionary" / "samples.json"
COMMAND = "python -m pipelines.contracts.generate --samples var/serving/marts.duckdb"
"""What takes the rows anew, after `make nightly`."""

ROWS = 3

Row = dict[str, str | None]
"""A sample row: each column's value as DuckDB writes it, None for null."""


def read() -> tuple[str, dict[str, list[Row]]]:
    """The as-of date of the kept rows, and the rows by mart.

    Raises:
        ContractError: the file is not there or is none of ours.
    """
    try:
        kept = json.loads(SAMPLES.read_text(encoding="utf-8"))
        return kept["as_of_date"], kept["marts"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{SAMPLES}: no sample rows ({error!r}); run `{COMMAND}`") from error


def text(as_of_date: str, marts: Mapping[str, list[Row]]) -> str:
    """The text of the file that keeps them."""
    kept = {"as_of_date": as_of_date, "marts": dict(sorted(marts.items()))}
    return json.dumps(kept, ensure_ascii=False, indent=1) + "\n"


def faults(contracts: Iterable[MartContract], marts: Mapping[str, list[Row]]) -> dict[str, str]:
    """What is wrong with the kept rows by mart, each with the command that mends it."""
    found = {}
    with duckdb.connect() as connection:
        for contract in contracts:
            if said := _fault(connection, contract, marts.get(contract.name, [])):
                found[contract.name] = said
    for name in marts.keys() - {c.name for c in contracts}:
        found[name] = f"{name} has sample rows and no contract"
    return {
        name: f"{said}; publish the demo's night (`make nightly`) and run `{COMMAND}`"
        for name, said in found.items()
    }


def _fault(connection: duckdb.DuckDBPyConnection, contract: MartContract, rows: list[Row]) -> str | None:
    """Missing rows, other columns than the contract's, or values of other types."""
    if len(rows) != ROWS:
        return f"{contract.name} has {len(rows)} sample rows where {ROWS} are wanted"
    columns = {c.name: c for c in contract.columns}
    casts = ", ".join(f"cast(try_cast(? as {c.type}) as varchar)" for c in contract.columns)
    for row in rows:
        if list(row) != list(columns):
            changed = ", ".join(sorted(row.keys() ^ columns.keys())) or "their order"
            return f"the sample rows of {contract.name} do not have its contract's columns ({changed})"
        [typed] = connection.execute(f"select {casts}", list(row.values())).fetchall()
        for (name, value), back in zip(row.items(), typed, strict=True):
            if value is None and columns[name].required:
                return f"a sample row of {contract.name} has no {name}, which its contract requires"
            # A fraction is kept rounded, as it is read; everything else as DuckDB writes it.
            if back is None if columns[name].type == "DOUBLE" and value is not None else back != value:
                return (
                    f"a sample row of {contract.name} has {name} {value!r}, which is no {columns[name].type}"
                )
    return None


def take(path: Path, contracts: Iterable[MartContract]) -> tuple[str, dict[str, list[Row]]]:
    """The as-of date of a served night, and three rows of each mart by its name.

    Raises:
        ContractError: the file is no served night, or a mart is not in it as its contract says.
    """
    with duckdb.connect() as connection:
        try:
            connection.execute("set enable_progress_bar = false")
            connection.execute(f"attach {literal(str(path))} as served (read_only)")
            nights = connection.execute("select distinct as_of_date from served._publish").fetchall()
            if len(nights) != 1:
                raise ContractError(f"{path}: holds {len(nights)} nights; give the marts.duckdb of one")
            as_of_date = str(nights[0][0])
            return as_of_date, {c.name: _rows(connection, c, as_of_date) for c in contracts}
        except duckdb.Error as error:
            raise ContractError(
                f"{path}: {error}; give the marts.duckdb of a night that the present contracts published"
            ) from error


def _rows(connection: duckdb.DuckDBPyConnection, contract: MartContract, as_of_date: str) -> list[Row]:
    """Three rows of a mart; how they are chosen is said above."""
    mart, names = f"served.{ident(contract.name)}", [c.name for c in contract.columns]
    order = ", ".join("month desc" if name == "month" else ident(name) for name in contract.key or names)
    newest = "true"
    if "month" in names:
        # From the month of the third newest row on: one month where it has three rows.
        complete = f"(select month from {mart} where last_day(month) <= date {literal(as_of_date)})"
        third = f"(select month from {complete} order by month desc limit 1 offset {ROWS - 1})"
        newest = f"month between {third} and (select max(month) from {complete})"
    connection.execute(
        f"create or replace temp table candidates as select row_number() over (order by {order}) as place, "
        f"{', '.join(f'cast({ident(n)} as varchar) as {ident(n)}' for n in names)} from {mart} where {newest}"
    )
    cases = [c.name for c in contract.columns if c.name in contract.key or c.type in ("VARCHAR", "BOOLEAN")]
    score = " + ".join(f"({ident(name)} is not null)::integer" for name in names)
    taken: list[tuple[int, Row]] = []
    for _ in range(ROWS):
        found = connection.execute(
            f"select * from candidates where place not in ({', '.join(['0', *(str(n) for n, _ in taken)])}) "
            f"order by {score} desc, place limit 1"
        ).fetchall()
        taken += [(place, dict(zip(names, values, strict=True))) for place, *values in found]
        # A listed value outweighs all other columns together.
        score = " + ".join(
            f"{len(names) if contract.column(name).allowed else 1} * {_is_other(name, [row[name] for _, row in taken])}"
            for name in cases
        )
    doubles = {c.name for c in contract.columns if c.type == "DOUBLE"}
    return [
        {name: _rounded(value) if name in doubles and value else value for name, value in row.items()}
        for _, row in sorted(taken, key=lambda place_and_row: place_and_row[0])
    ]


def _is_other(name: str, seen: list[str | None]) -> str:
    """1 where the column's value is none of those seen, else 0; a null counts as seen."""
    values = ", ".join(literal(value) for value in seen if value is not None)
    return f"coalesce({ident(name)} not in ({values or 'null'}), {ident(name)} is not null)::integer"


def _rounded(value: str) -> str:
    """A fraction to four decimals, a smaller one to two digits: sums in parallel differ in the last digits."""
    number = float(value)
    return f"{number:.2g}" if 0 < abs(number) < 0.001 else str(round(number, 4))

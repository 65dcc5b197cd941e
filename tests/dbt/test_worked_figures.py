"""The worked figures of decision 8: each example's tables are loaded, built and compared with the marts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from dbt_warehouse import Warehouse

from pipelines.settings import PROJECT_DIR

PAGE = PROJECT_DIR / "docs" / "decisions" / "0008-worked-figures.md"

Table = list[dict[str, str]]

_TABLE = re.compile(r"^<!-- (?P<mark>.+) -->\n(?P<lines>(?:\|.*\n)*)", re.MULTILINE)
_PURCHASES = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?: to (?P<last>\d{4}-\d\d-\d\d) every (?P<step>\d+) days)?: (?P<net>-?[\d.]+)(?:, |$)"
)


@dataclass
class Example:
    """A history with its settings, and the tables that come out of it."""

    name: str
    settings: dict[str, Any]
    given: list[tuple[str, Table]] = field(default_factory=list)
    results: list[tuple[str, Table]] = field(default_factory=list)

    def load(self, warehouse: Warehouse) -> None:
        """Load the given tables and build the marts."""
        for mark, table in self.given:
            kind, _, name = mark.partition(": ")
            if kind == "purchases":
                for row in table:
                    customer, purchases = row.values()
                    warehouse.purchase(customer, *_purchases(purchases))
            elif kind == "rows":
                warehouse.insert(name, [{k: v or None for k, v in row.items()} for row in table])
            else:
                lines = [",".join(table[0]), *(",".join(row.values()) for row in table)]
                warehouse.policy(name, "\n".join(lines) + "\n")
        settings = dict(self.settings)
        warehouse.build(*settings.pop("select").split(), with_tests=False, **settings)


def _purchases(text: str) -> list[tuple[str, str]]:
    """Date and net amount of each purchase in a cell."""
    matches = list(_PURCHASES.finditer(text))
    assert "".join(m[0] for m in matches) == text, text
    found = []
    for match in matches:
        first, last = date.fromisoformat(match["day"]), date.fromisoformat(match["last"] or match["day"])
        step = int(match["step"] or 1)
        days = range(0, (last - first).days + 1, step)
        found += [(str(first + timedelta(days=n)), match["net"]) for n in days]
    return found


def _table(lines: str) -> Table:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines.splitlines()]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def _setting(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _examples() -> list[Example]:
    """The page's examples; fails where there are none."""
    found: list[Example] = []
    text = PAGE.read_text(encoding="utf-8")
    matches = list(_TABLE.finditer(text))
    assert len(matches) == text.count("<!--"), f"{PAGE} has a mark that is not understood"
    for match in matches:
        kind, _, rest = match["mark"].partition(": ")
        if kind == "example":
            name, *settings = rest.split("; ")
            found.append(Example(name, dict(map(_setting, settings))))
        elif kind == "result":
            found[-1].results.append((rest, _table(match["lines"])))
        else:
            found[-1].given.append((match["mark"], _table(match["lines"])))
    assert found, f"{PAGE} has no example"
    return found


EXAMPLES = _examples()


def _shown(value: Any, as_in: str) -> str:
    """A figure as the page writes it: with as many decimals as there, a month by its first seven letters."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return str(value)[: len(as_in)] if re.fullmatch(r"\d{4}-\d\d", as_in) else str(value)
    if isinstance(value, int | float | Decimal):
        decimals = len(as_in.partition(".")[2])
        # Through the text, so that a double is rounded as it reads.
        return str(Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN))
    return str(value)


@pytest.mark.parametrize("example", EXAMPLES, ids=[e.name for e in EXAMPLES])
def test_the_marts_say_what_the_page_says(
    example: Example, make_warehouse: Callable[[str], Warehouse]
) -> None:
    warehouse = make_warehouse(example.name)
    example.load(warehouse)
    assert example.results, f"{example.name} shows no result"
    for mark, table in example.results:
        columns = [name for name in table[0] if name != "why"]
        wanted = [[row[name] for name in columns] for row in table]
        assert wanted
        rows = warehouse.query(f"select {', '.join(columns)} from marts.{mark}")
        # The first column tells the rows apart, or the first two do.
        keys = 1 if len({row[0] for row in wanted}) == len(wanted) else 2
        by_key = {tuple(map(_shown, row, wanted[0][:keys])): row for row in rows}
        assert len(by_key) == len(rows), f"{mark}: the first columns do not tell the rows apart"
        assert sorted(by_key) == sorted(tuple(row[:keys]) for row in wanted), mark
        for row in wanted:
            there = list(map(_shown, by_key[tuple(row[:keys])], row))
            assert there == row, f"{mark}: {row[:keys]}"

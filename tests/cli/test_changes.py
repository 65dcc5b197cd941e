"""What changed in the marts reads well at 80 columns, with large figures and odd names."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal

from rich.cells import cell_len
from rich.console import Console

from pipelines.cli.changes import show_changes
from pipelines.publish.changes import Changes
from pipelines.publish.pairs import MonthRestated, TableChanges, TierMove

LARGE = Decimal("1234567890.12")


def shown(changes: Changes) -> str:
    console = Console(file=io.StringIO(), width=80)
    show_changes(changes.as_dict(), console, "CNY")
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def changes(*tables: TableChanges, moves: tuple[TierMove, ...] = (), months: int = 0) -> Changes:
    restated = tuple(
        MonthRestated(date(2017, 1 + i, 1), LARGE, LARGE - 5 * (i + 1), Decimal(f"{-5 * (i + 1)}.00"))
        for i in range(months)
    )
    total = MonthRestated(None, LARGE * 2, LARGE * 2 - 15, Decimal("-15.00")) if months else None
    return Changes("v1", date(2017, 12, 31), None, tables, moves, (), restated, total)


def test_one_line_says_that_nothing_changed() -> None:
    assert shown(changes(TableChanges("tiers", "same", 4, 4))) == "nothing changed in the marts\n"


def test_one_line_says_that_it_is_the_first_publication() -> None:
    tables = (
        TableChanges("a", "first publication", None, 1_000),
        TableChanges("b", "first publication", None, 234),
    )
    assert shown(Changes(None, None, None, tables)) == "first publication: 2 marts with 1,234 rows\n"


def test_a_problem_is_told_instead_of_figures() -> None:
    text = shown(Changes(None, None, "[red]file is damaged", (TableChanges("a", "not compared", None, 1),)))
    assert "not compared" in text
    assert "[red]file is damaged" in text


def test_every_figure_stands_in_its_line_and_no_line_is_wider_than_80_columns() -> None:
    text = shown(
        changes(
            TableChanges("customer_deciles_monthly", "same", 240, 240),
            TableChanges("share_of_wallet_summary_monthly", "changed", 1_279, 1_290, 13, 2, 5),
            TableChanges("fct_transactions", "changed", 200_000_000, 200_000_001, 1, 0, 123_456_789),
            TableChanges("[bold]odd", "gone", 7, None, 0, 7),
            TableChanges("loyalty_matrix", "new", None, 9, 9, columns_added=("reach",)),
            moves=(
                TierMove("gold", "silver", 1_200, 34_567, 30_000, date(2017, 1, 1), date(2017, 12, 1)),
                TierMove("new", None, 1, 1, 0, date(2017, 2, 1), date(2017, 2, 1)),
            ),
            months=2,
        )
    )
    lines = text.splitlines()
    assert max(cell_len(line) for line in lines) <= 80, text
    words = [line.split() for line in lines]
    for expected in (
        ["share_of_wallet_summary_monthly", "1,279", "1,290", "13", "2", "5"],
        ["fct_transactions", "200,000,000", "200,000,001", "1", "0", "123.5M"],
        ["[bold]odd", "7", "–", "0", "7", "0"],
        ["loyalty_matrix", "–", "9", "9", "0", "0"],
        ["gold", "silver", "2017-01", "to", "2017-12", "1,200", "34,567", "30,000"],
        ["new", "–", "2017-02", "1", "1", "0"],
        ["2017-01", "1,234,567,890.12", "1,234,567,885.12", "-5.00"],
        ["2017-02", "1,234,567,890.12", "1,234,567,880.12", "-10.00"],
        ["total", "2,469,135,780.24", "2,469,135,765.24", "-15.00"],
    ):
        assert expected in words, (expected, text)
    assert "customer_deciles_monthly" not in text
    assert "[bold]odd: no longer published" in text
    assert "loyalty_matrix: new mart" in text
    assert "loyalty_matrix: column added: reach" in text
    assert "Revenue restated, CNY" in text


def test_a_single_month_needs_no_total() -> None:
    text = shown(changes(TableChanges("fct_transactions", "changed", 1, 1, 0, 0, 1), months=1))
    assert "2017-01" in text
    assert "total" not in text


def test_amounts_have_the_decimals_of_their_currency() -> None:
    for figures in (("1,250", "1,249", "-1"), ("1,234.500", "1,234.505", "+0.005")):
        restated = MonthRestated(date(2017, 1, 1), *(Decimal(text.replace(",", "")) for text in figures))
        table = TableChanges("fct_transactions", "changed", 1, 1, 0, 0, 1)
        text = shown(Changes("v1", date(2017, 12, 31), None, (table,), (), (), (restated,), restated))
        assert ["2017-01", *figures] in [line.split() for line in text.splitlines()], text

"""Tables cut no name and no figure, however narrow the window, and take no text for markup."""

from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from pipelines.cli.changes import show_changes
from pipelines.cli.loaded import load_table
from pipelines.cli.plan import show_plan
from pipelines.cli.runs import show_summary
from pipelines.cli.tables import Listing

NAME = "wallet_surveys_of_the_very_largest_customers_monthly"
FIGURE = 123_456_789
COUNTS = ("dates", "files", "rows_in", "loaded", "quarantined", "duplicates", "rejected", "ignored", "erased",
          "reused", "unchanged", "removed")  # fmt: skip


def shown(width: int, *things: object) -> str:
    console = Console(file=io.StringIO(), width=width)
    for thing in things:
        console.print(thing)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(cell_len, text.splitlines())) <= width, text
    return str(text)


def together(text: str) -> str:
    """The text without the breaks and blanks of a cell that folds."""
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("width", [120, 80, 60, 40, 24])
def test_no_cell_is_cut_at_any_width(width: int) -> None:
    table = Listing("A title [bold]of[/] its own", ("name", "before", "after", "remark"), {"before", "after"})
    for name in (NAME, "[red]钻石会员门店[/red]"):
        table.add(name, f"{FIGURE:,}", f"{FIGURE:,}", "some words")
    text = shown(width, table)
    assert "…" not in text
    assert text.count(f"{FIGURE:,}") == 4
    if width >= 60:
        assert "[bold]of[/]" in text
    assert text.count("some") == 2
    if not re.search(r"\S {2,}123", text):  # stacked, or the name stands whole
        assert NAME in together(text)


@pytest.mark.parametrize("width", [80, 60])
def test_tables_of_loads_plans_and_changes_hold_long_names(width: int) -> None:
    row = {"dataset": NAME, **dict.fromkeys(COUNTS, FIGURE)}
    text = shown(width, load_table({"datasets": [row]}))
    assert "…" not in text
    assert text.count(f"{FIGURE:,}") == 11
    console = Console(file=io.StringIO(), width=width)
    part = dict.fromkeys(("added", "removed", "changed", "rows_now", "rows_after", "quarantined"), FIGURE)
    plan = {
        "partitions": [{"dataset": NAME, "date": "2017-12-31", "state": "changed", **part}],
        "months": [{"month": "2017-12-01", **part}],
        "problems": [],
        "marts_from": None,
    }
    show_plan(plan, console)
    moved = {
        "from_tier": NAME, "to_tier": NAME, "first_month": "2017-01-01", "last_month": "2017-12-01",
        **dict.fromkeys(("customers", "customer_months", "complete_customer_months"), FIGURE),
    }  # fmt: skip
    table = {"name": NAME, "status": "changed", "rows_before": FIGURE, "rows_after": FIGURE, **part}
    table |= dict.fromkeys(("columns_added", "columns_removed", "columns_retyped"), ())
    show_changes(
        {"problem": None, "before": "v", "tables": [table], "tiers_moved": [moved], "revenue_restated": []},
        console,
        "CNY",
    )
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(cell_len, text.splitlines())) <= width, text
    assert "…" not in text
    assert text.count(f"{FIGURE:,}") >= 6 + 3 + 2 + 3


def test_a_summary_has_no_brackets_and_no_quotes_of_python(capsys: pytest.CaptureFixture[str]) -> None:
    show_summary(
        {
            "run_id": "r1",
            "slowest": {"fct_transactions": 1.5},
            "fit": {"fitted": ["a", "b"], "left_out": {"pareto_nbd": "too few"}, "limits": {}},
            "changes": [{"name": "x", "rows": 1_000}, {"name": "y", "rows": 2}],
            "unchanged": True,
            "report": None,
        },
        as_json=False,
    )
    said = capsys.readouterr().out
    assert not re.search(r"[\[\]{}']|Decimal|datetime|None|True", said), said
    assert "fit, fitted: a, b" in said
    assert "fit, left_out, pareto_nbd: too few" in said
    assert "changes: name x, rows 1,000; name y, rows 2" in said

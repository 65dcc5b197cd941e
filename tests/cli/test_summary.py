"""The summary of a night reads well at 80 and at 120 columns, with Chinese labels and with large figures."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import typer
from rich.cells import cell_len
from rich.console import Console

from pipelines.cli import app
from pipelines.cli.summary_shown import show

TIERS = ["Diamond 钻石", "Gold 黄金", "Silver 白银", "Ordinary 普通", "New 新客户"]


def summary(scale: int) -> dict[str, Any]:
    return {
        "run_id": "manual__2026-11-22T01:38:02.562167+00:00",
        "business_date": date(2017, 12, 31),
        "seconds": 41.3,
        "history": {"files": 1_091, "rows_in": 1_500_000, "loaded": 1_469_307, "quarantined": 1_204, "duplicates": 17},
        "load": {"files": 3, "rows_in": 4_711, "loaded": 4_711, "quarantined": 0, "duplicates": 0, "unchanged": 0},
        "drift": {"transactions": ["[red]new[/]"]},
        "unmatched": {"unmatched": 1, "unmatched_files": ["transactions/2017-3-2.csv"]},
        "warnings": ["raw.transactions: expect_row_count_to_be_usual: partition_date 2017-12-31, loaded_rows 3"],
        "checks": {"passed": 347, "all": 347},
        "tiers": [
            {
                "tier": label.split()[0].lower(),
                "label": label,
                "customer_count": 2_469 * scale,
                "customer_share": 1.0,
                "revenue": Decimal("1234567.89") * scale,
                "revenue_share": 0.155,
                "profit": Decimal("-234567.89") * scale,
                "profit_share": None,
                "avg_monthly_spend": Decimal("1082.1234"),
            }
            for label in TIERS
        ],
        "share_of_wallet": {
            "share_of_wallet": 0.582, "headroom": Decimal("119300000") * scale, "customers": 2_469, "surveyed": 300,
        },
        "retention": {
            "status": {"active": 2_000, "at_risk": 200, "lapsed": 150, "reactivated": 100, "new": 19},
            "flow": {
                "month": date(2017, 12, 1), "opening": 2_300, "new": 19, "reactivated": 30, "lapsed": 44, "closing": 2_305,
                "retention_rate": 0.981,
            },
        },
        "fits": {"fitted": [], "left_out": {"bg_nbd (full)": "only 499 buyers; a fit needs 500", "pareto_nbd (full)": "[x]"}},
        "currency": "CNY",
        "published": {"version": "20261122T013821_204610Z-manual", "unchanged": False, "as_of_date": date(2017, 12, 31)},
        "serving_file": "/srv/mainstay/shops/of/a/company/with/long/folder/names/var/serving/marts.duckdb",
        "report": "/srv/mainstay/shops/of/a/company/with/long/folder/names/var/serving/report.html",
        "data_docs": "/srv/mainstay/shops/of/a/company/with/long/folder/names/var/data_docs/index.html",
        "simulated": "feedback, wallet surveys and unit costs are simulated, and with them profit and share of wallet",
    }  # fmt: skip


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("scale", [1, 1000])
def test_no_row_wraps_and_no_line_is_wider(width: int, scale: int) -> None:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    show(summary(scale), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    lines = text.splitlines()
    for line in lines:
        assert cell_len(line) <= width or line.split()[0] in (
            "marts",
            "report",
            "data",
            "run",
            "published",
        ), line
    rows = [line for line in lines if any(label in line for label in TIERS)]
    assert len(rows) == len(TIERS)
    for row in rows:  # every figure stands in its customer's line, none is cut
        assert "…" not in row
        assert f"{2_469 * scale:,}" in row
        assert "15.5%" in row
        assert "1,082" in row
    ends = {cell_len(row.rstrip()) for row in rows}
    assert len(ends) == 1, "the last column is not aligned"
    assert "/var/serving/marts.duckdb" in text
    assert "[red]new[/]" in text
    assert "1,204 quarantined" in " ".join(text.split())


def test_it_ends_with_three_commands_that_there_are() -> None:
    console = Console(file=io.StringIO(), width=80, highlight=False)
    show(summary(1), console)
    lines = console.file.getvalue().rpartition("What to type next\n")[2].splitlines()  # type: ignore[attr-defined]
    typed = [line.split() for line in lines if line.startswith("mainstay ")]
    assert len(typed) == 3
    assert {words[1] for words in typed} <= set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def said(**parts: Any) -> str:
    console = Console(file=io.StringIO(), width=400, highlight=False)
    show({**summary(1), **parts}, console)
    return " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]


def test_a_share_of_wallet_without_any_survey_is_called_a_benchmark() -> None:
    wallet = {"share_of_wallet": 0.45, "headroom": Decimal("1084051"), "customers": 400}
    assert "a benchmark only: there is no valid survey" in said(share_of_wallet={**wallet, "surveyed": 0})
    some = said(share_of_wallet={**wallet, "surveyed": 30})
    assert "by survey of 30, by benchmark of the others" in some
    assert "benchmark only" not in some


def test_a_limit_and_withheld_figures_are_said() -> None:
    fits = {
        "fitted": ["bg_nbd (full)"],
        "left_out": {},
        "limits": {"bg_nbd (full)": "nbd"},
        "withheld": {"mbg_nbd (full)": 2},
    }
    text = said(fits=fits)
    assert "bg_nbd (full): nobody seems to leave, so it is the NBD, with P(alive) 1 for all" in text
    assert "mbg_nbd (full): 2 customers" in text

"""The summary at the end of a night, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.cli.tables import Listing, facts_table

if TYPE_CHECKING:
    from rich.console import Console

_LIMITS = {
    "nbd": "nobody seems to leave, so it is the NBD, with P(alive) 1 for all",
    "geometric_nbd": "all leave alike after a purchase, so it is the geometric/NBD",
    "exponential_nbd": "all leave alike in time, so it is the exponential/NBD",
    "inflated_nbd": "some leave at their first chance and the others never, so it is the NBD with more one-time buyers",
}
_BENCHMARK_ONLY = "a benchmark only: there is no valid survey, so the wallet is what like customers spend here, not with others"
_NEXT = (
    ("mainstay care --out tomorrow.xlsx", "whom to contact tomorrow, why and how"),
    ("mainstay quarantine list", "what was set aside, and why"),
    ("mainstay status", "runs, checks and how fresh the data is"),
)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _money(value: Any) -> str:
    """Whole units; millions from ten million on, so that a column stays narrow."""
    if value is None:
        return "–"
    return f"{float(value) / 1e6:,.1f}M" if abs(value) >= 10_000_000 else f"{value:,.0f}"


def show(summary: dict[str, Any], console: Console) -> None:
    """Print the summary for a person: figures beside their names, paths in lines of their own to copy."""
    console.print(
        f"\n[bold]Night of {summary['business_date']}[/] in {summary['seconds']} s", highlight=False
    )
    console.print(f"run {summary['run_id']}", style="dim", markup=False, soft_wrap=True)
    console.print(facts_table(_loaded(summary)))
    console.print()
    console.print(_tier_table(summary))
    console.print(facts_table(_loyalty(summary)))
    state = "unchanged since" if summary["published"]["unchanged"] else "published as"
    console.print(f"\n{state} {summary['published']['version']}", style="dim", markup=False, soft_wrap=True)
    console.print(f"marts      {summary['serving_file']}", markup=False, soft_wrap=True)
    console.print(f"report     {summary['report']}", markup=False, soft_wrap=True)
    console.print(f"data docs  {summary['data_docs']}\n", markup=False, soft_wrap=True)
    console.print("[bold]What to type next[/]")
    console.print(facts_table(list(_NEXT)))
    console.print()


def _loaded(summary: dict[str, Any]) -> list[tuple[str, str]]:
    parts = [
        (label, part)
        for label, part in (("history", summary["history"]), ("loaded", summary["load"]))
        if part
    ]
    facts = [
        (
            label,
            f"{part['loaded']:,} rows from {part['files']:,} files; {part['quarantined']:,} quarantined, "
            + "".join(f"{part[k]:,} {k}, " for k in ("rejected", "ignored") if part.get(k))
            + f"{part['duplicates']:,} duplicates",
        )
        for label, part in parts
    ]
    facts += [
        (
            "[yellow]reused keys[/]",
            f"{part['reused']:,} rows have the key of an earlier row of another customer or business date; see `mainstay status`",
        )
        for _, part in parts
        if part.get("reused")
    ]
    facts += [
        ("[yellow]drift[/]", f"{dataset} has columns that its contract does not know: {', '.join(columns)}")
        for dataset, columns in summary["drift"].items()
    ]
    if summary["unmatched"]["unmatched"]:
        names = ", ".join(summary["unmatched"]["unmatched_files"][:3])
        facts.append(
            (
                "[yellow]not loaded[/]",
                f"{summary['unmatched']['unmatched']:,} landed files match no contract: {names}",
            )
        )
    checks = summary["checks"]
    facts.append(("checks", f"{checks['passed']:,} of {checks['all']:,} expectations passed"))
    return facts + [("[yellow]warning[/]", warning) for warning in summary["warnings"][:5]]


def _loyalty(summary: dict[str, Any]) -> list[tuple[str, str]]:
    facts = []
    wallet, retention = summary["share_of_wallet"], summary["retention"]
    if wallet and wallet["customers"]:
        surveyed = wallet["surveyed"]
        told = f"by survey of {surveyed:,}, by benchmark of the others" if surveyed else _BENCHMARK_ONLY
        facts.append(
            (
                "share of wallet",
                f"{_share(wallet['share_of_wallet'])} of {wallet['customers']:,} customers' wallets; "
                f"headroom {_money(wallet['headroom'])} {summary['currency']} a month; {told}",
            )
        )
    status = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in retention["status"].items())
    facts.append(("retention", status or "no customer yet"))
    flow = retention["flow"]
    if flow:
        facts.append(
            (
                f"in {flow['month']:%Y-%m}",
                f"{flow['opening']:,} opening + {flow['new']:,} new + {flow['reactivated']:,} reactivated "
                f"− {flow['lapsed']:,} lapsed = {flow['closing']:,}; retention {_share(flow['retention_rate'])}",
            )
        )
    left_out = summary["fits"]["left_out"]
    if left_out:
        by_reason: dict[str, list[str]] = {}
        for model, reason in left_out.items():
            by_reason.setdefault(reason, []).append(model)
        facts += [
            ("[yellow]not fitted[/]", f"{', '.join(models)}: {reason}")
            for reason, models in by_reason.items()
        ]
    by_limit: dict[str, list[str]] = {}
    for model, limit in (summary["fits"].get("limits") or {}).items():
        by_limit.setdefault(limit, []).append(model)
    facts += [
        ("fitted at a limit", f"{', '.join(models)}: {_LIMITS[limit]}") for limit, models in by_limit.items()
    ]
    if withheld := summary["fits"].get("withheld"):
        said = ", ".join(f"{model}: {count:,} customers" for model, count in withheld.items())
        facts.append(("[yellow]no figures[/]", said))
    if summary["simulated"]:
        what = " and ".join(filter(None, [", ".join(summary["simulated"][:-1]), summary["simulated"][-1]]))
        facts.append(
            ("[yellow]simulated[/]", f"{what} are made up, and with them the figures that rest on them")
        )
    return facts


def _tier_table(summary: dict[str, Any]) -> Listing:
    figures = ("customers", "share", "revenue", "share", "profit", "share", "a month")
    table = Listing(
        f"Customer tiers over the tier window, {summary['currency']}", ("tier", *figures), set(figures)
    )
    for row in summary["tiers"]:
        table.add(
            row["label"],
            f"{row['customer_count']:,}",
            _share(row["customer_share"]),
            _money(row["revenue"]),
            _share(row["revenue_share"]),
            _money(row["profit"]),
            _share(row["profit_share"]),
            _money(row["avg_monthly_spend"]),
        )
    return table

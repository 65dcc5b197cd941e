"""The summary at the end of a night, read from the serving file and the ledger."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from pipelines.contracts.policies import read_policies
from pipelines.errors import PublishError
from pipelines.publish import current
from pipelines.warehouse.connection import connect, fetch_rows
from pipelines.warehouse.standing import simulated_parts

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.orchestrate.inprocess import DagRunResult
    from pipelines.settings import Settings

_LOADED = ("files", "rows_in", "loaded", "quarantined", "rejected", "ignored", "duplicates", "reused")
_TIERS = """
select tier, customer_count, customer_share, revenue, revenue_share, profit, profit_share, avg_monthly_spend
from tier_contribution_monthly where month = (select max(month) from tier_contribution_monthly)
"""
_WALLET = """
select sum(own_spend) / nullif(sum(wallet), 0) as share_of_wallet, sum(headroom) as headroom, count(*) as customers,
    count(*) filter (where method <> 'benchmark') as surveyed
from share_of_wallet_monthly
where category = 'all' and month = (select max(month) from share_of_wallet_monthly)
"""
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
_STATUS = "select status, count(*) from customer_retention group by status order by 2 desc, 1"
_FLOW = """
select month, opening, new, reactivated, lapsed, closing, retention_rate
from retention_flows_monthly order by month desc limit 1
"""


def collect(settings: Settings, result: DagRunResult, history: dict[str, Any] | None) -> dict[str, Any]:
    """Everything that the summary shows, as plain values."""
    details = {task.name: task.detail or {} for task in result.tasks}
    published = current(settings)
    if published is None:
        raise PublishError("the night published nothing; run `mainstay publish`")
    with closing(connect(settings, published.path, read_only=True)) as connection:
        tiers, wallet = fetch_rows(connection, _TIERS), fetch_rows(connection, _WALLET)
        status, flow = connection.execute(_STATUS).fetchall(), fetch_rows(connection, _FLOW)
    checks = [details[f"validate_{s}"] for s in ("land", "raw", "staging", "marts")]
    if details["publish"].get("checks"):
        checks.append(details["publish"]["checks"])
    order = {tier.tier: tier.tier_rank for tier in read_policies(settings).tiers}
    labels = {tier.tier: f"{tier.label_en} {tier.label_zh}" for tier in read_policies(settings).tiers}
    labels["new"] = "New 新客户"
    labels["anonymous"] = "No customer 无客户"
    load = details["load"]
    return {
        "run_id": result.run_id,
        "business_date": result.business_date,
        "seconds": round(result.seconds, 1),
        "history": {k: history.get(k) for k in _LOADED} if history else None,
        "load": {k: load.get(k) for k in (*_LOADED, "unchanged")},
        "drift": {
            d["dataset"]: d["drift"]
            for d in (*load.get("datasets", []), *((history or {}).get("datasets", [])))
            if d["drift"]
        },
        "unmatched": {k: details["land"].get(k) for k in ("unmatched", "unmatched_files")},
        "checks": {"passed": sum(c["passed"] for c in checks), "all": sum(c["checks"] for c in checks)},
        "warnings": [warning for c in checks for warning in c.get("warnings", [])],
        "models": details["build"].get("models", 0) + details["fit"].get("models", 0),
        "fits": {k: details["fit"].get(k) for k in ("fitted", "left_out", "limits", "withheld")},
        "tiers": sorted(
            ({**row, "label": labels.get(row["tier"], row["tier"])} for row in tiers),
            key=lambda row: order.get(row["tier"], 99 + (row["tier"] == "anonymous")),
        ),
        "share_of_wallet": wallet[0] if wallet else None,
        "retention": {"status": dict(status), "flow": flow[0] if flow else None},
        "currency": settings.currency,
        "published": {
            "version": published.version,
            "unchanged": details["publish"].get("unchanged"),
            "as_of_date": published.as_of_date,
        },
        "serving_file": str(published.path),
        "report": details["publish"].get("report"),
        "data_docs": details["finish"].get("data_docs"),
        "simulated": simulated_parts(settings),
    }


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
    console.print(_facts(_loaded(summary)))
    console.print()
    console.print(_tier_table(summary))
    console.print(_facts(_loyalty(summary)))
    state = "unchanged since" if summary["published"]["unchanged"] else "published as"
    console.print(f"\n{state} {summary['published']['version']}", style="dim", markup=False, soft_wrap=True)
    console.print(f"marts      {summary['serving_file']}", markup=False, soft_wrap=True)
    console.print(f"report     {summary['report']}", markup=False, soft_wrap=True)
    console.print(f"data docs  {summary['data_docs']}\n", markup=False, soft_wrap=True)
    console.print("[bold]What to type next[/]")
    console.print(_facts(list(_NEXT)))
    console.print()


def _facts(facts: list[tuple[str, str]]) -> Table:
    """Names at the left, texts at the right that wrap within their own column."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in facts:
        table.add_row(name, escape(text))
    return table


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


def _tier_table(summary: dict[str, Any]) -> Table:
    table = Table(
        title=f"Customer tiers over the tier window, {summary['currency']}",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("tier", overflow="fold")
    for name in ("customers", "share", "revenue", "share", "profit", "share", "a month"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in summary["tiers"]:
        table.add_row(
            escape(row["label"]),
            f"{row['customer_count']:,}",
            _share(row["customer_share"]),
            _money(row["revenue"]),
            _share(row["revenue_share"]),
            _money(row["profit"]),
            _share(row["profit_share"]),
            _money(row["avg_monthly_spend"]),
        )
    return table

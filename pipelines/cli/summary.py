"""The summary at the end of a night, read from the serving file and the ledger."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from rich.table import Table

from pipelines.policies import read_policies
from pipelines.publish import current
from pipelines.sql import connect

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console

    from pipelines.orchestrate.inprocess import DagRunResult
    from pipelines.settings import Settings

_TIERS = """
select tier, customer_count, customer_share, revenue, revenue_share, profit, profit_share, avg_monthly_spend
from tier_contribution_monthly where month = (select max(month) from tier_contribution_monthly)
"""
_WALLET = """
select sum(own_spend) / nullif(sum(wallet), 0) as share_of_wallet, sum(headroom) as headroom, count(*) as customers
from share_of_wallet_monthly
where category = 'all' and month = (select max(month) from share_of_wallet_monthly)
"""
_STATUS = "select status, count(*) from customer_retention group by status order by 2 desc, 1"
_FLOW = "select month, opening, new, reactivated, lapsed, closing, retention_rate from retention_flows_monthly order by month desc limit 1"


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    cursor = connection.execute(sql)
    names = [d[0] for d in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def collect(settings: Settings, result: DagRunResult, history: dict[str, Any] | None) -> dict[str, Any]:
    """Everything that the summary shows, as plain values."""
    details = {task.name: task.detail or {} for task in result.tasks}
    published = current(settings)
    assert published is not None, "a night that succeeded has published"
    with closing(connect(settings, published.path, read_only=True)) as connection:
        tiers, wallet = _rows(connection, _TIERS), _rows(connection, _WALLET)
        status, flow = connection.execute(_STATUS).fetchall(), _rows(connection, _FLOW)
    checks = [details[f"validate_{s}"] for s in ("land", "raw", "staging", "marts")]
    if details["publish"].get("checks"):
        checks.append(details["publish"]["checks"])
    order = {tier.tier: tier.tier_rank for tier in read_policies(settings).tiers}
    labels = {tier.tier: f"{tier.label_en} {tier.label_zh}" for tier in read_policies(settings).tiers}
    labels["new"] = "New 新客户"
    load = details["load"]
    return {
        "run_id": result.run_id,
        "business_date": result.business_date,
        "seconds": round(result.seconds, 1),
        "history": {k: history[k] for k in ("files", "rows_in", "loaded", "quarantined", "duplicates")} if history else None,
        "load": {k: load.get(k) for k in ("files", "rows_in", "loaded", "quarantined", "duplicates", "unchanged")},
        "drift": {d["dataset"]: d["drift"] for d in (*load.get("datasets", []), *((history or {}).get("datasets", []))) if d["drift"]},
        "checks": {"passed": sum(c["passed"] for c in checks), "all": sum(c["checks"] for c in checks)},
        "models": details["build"].get("models"),
        "tiers": sorted(
            ({**row, "label": labels.get(row["tier"], row["tier"])} for row in tiers), key=lambda row: order.get(row["tier"], 99)
        ),
        "share_of_wallet": wallet[0] if wallet else None,
        "retention": {"status": dict(status), "flow": flow[0] if flow else None},
        "currency": settings.currency,
        "published": {"version": published.version, "unchanged": details["publish"].get("unchanged"), "as_of_date": published.as_of_date},
        "serving_file": str(published.path),
        "data_docs": details["finish"].get("data_docs"),
        "simulated": "feedback, wallet surveys and unit costs are simulated, and with them profit and share of wallet"
        if settings.simulated_note
        else None,
    }


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _money(value: Any) -> str:
    return "–" if value is None else f"{value:,.0f}"


def show(summary: dict[str, Any], console: Console) -> None:
    """Print the summary for a person."""
    console.print(f"\n[bold]Night of {summary['business_date']}[/] — {summary['seconds']} s, run {summary['run_id']}")
    for name in ("history", "load"):
        part = summary[name]
        if part:
            label = "History" if name == "history" else "Loaded "
            console.print(
                f"  {label}    {part['loaded']:,} rows from {part['files']:,} files; {part['quarantined']:,} quarantined, "
                f"{part['duplicates']:,} duplicates"
            )
    for dataset, columns in summary["drift"].items():
        console.print(f"  [yellow]Drift[/]      {dataset} has columns that its contract does not know: {', '.join(columns)}", markup=True)
    console.print(f"  Checks     {summary['checks']['passed']:,} of {summary['checks']['all']:,} expectations passed")
    console.print(_tier_table(summary))
    wallet, retention = summary["share_of_wallet"], summary["retention"]
    if wallet and wallet["customers"]:
        console.print(
            f"  Share of wallet  {_share(wallet['share_of_wallet'])} of {wallet['customers']:,} customers' wallets; "
            f"headroom {_money(wallet['headroom'])} {summary['currency']} a month"
        )
    status = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in retention["status"].items())
    console.print(f"  Retention        {status}")
    flow = retention["flow"]
    if flow:
        console.print(
            f"  {flow['month']:%Y-%m}          {flow['opening']:,} opening + {flow['new']:,} new + {flow['reactivated']:,} reactivated "
            f"− {flow['lapsed']:,} lapsed = {flow['closing']:,}; retention {_share(flow['retention_rate'])}"
        )
    if summary["simulated"]:
        console.print(f"  [yellow]Simulated[/]  {summary['simulated']}")
    state = "unchanged since" if summary["published"]["unchanged"] else "published as"
    console.print(f"\n  Marts      {summary['serving_file']} ({state} {summary['published']['version']})", soft_wrap=True)
    console.print(f"  Data Docs  {summary['data_docs']}\n", soft_wrap=True)


def _tier_table(summary: dict[str, Any]) -> Table:
    table = Table(title=f"Customer tiers ({summary['currency']}, over the tier window)", title_justify="left")
    table.add_column("tier")
    for name in ("customers", "share", "revenue", "share", "profit", "share", "avg month"):
        table.add_column(name, justify="right")
    for row in summary["tiers"]:
        table.add_row(
            row["label"], f"{row['customer_count']:,}", _share(row["customer_share"]), _money(row["revenue"]),
            _share(row["revenue_share"]), _money(row["profit"]), _share(row["profit_share"]), _money(row["avg_monthly_spend"]),
        )
    return table

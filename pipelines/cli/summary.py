"""What the summary at the end of a night says, read from the serving file and the ledger, as plain values."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from pipelines.contracts.policies import read_policies
from pipelines.errors import PublishError
from pipelines.publish import current
from pipelines.warehouse.connection import connect, fetch_rows
from pipelines.warehouse.standing import simulated_parts

if TYPE_CHECKING:
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

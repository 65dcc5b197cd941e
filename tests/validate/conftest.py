from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from validating_world import MART

from pipelines.contracts import MartContract, canonical_contracts, read_mart_contract
from pipelines.settings import Settings

TIERS = (
    "select 'C' || i as customer_id, 'gold' as tier, cast(0.5 as double) as share, "
    "cast(i as decimal(18, 2)) as amount from range(10) as t(i)"
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, contracts_dir=None)


@pytest.fixture
def mart(tmp_path: Path) -> MartContract:
    path = tmp_path / "tiers.odcs.yaml"
    path.write_text(MART.format(name="tiers"), encoding="utf-8")
    return read_mart_contract(path)


@pytest.fixture
def warehouse(settings: Settings) -> Path:
    """A small sound warehouse: raw with two days of transactions, staging views, one mart."""
    settings.warehouse.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.warehouse)) as connection:
        for schema in ("raw", "duplicates", "staging", "marts"):
            connection.execute(f"create schema {schema}")
        for name, contract in canonical_contracts().items():
            columns = ", ".join(f'"{c.name}" {c.type}' for c in contract.columns)
            connection.execute(
                f"create table raw.{name} "
                f"({columns}, business_date date, partition_date date, file_id varchar)"
            )
            keys = ", ".join(f'"{k}" {contract.column(k).type}' for k in contract.key)
            connection.execute(f"create table raw.{name}__contested ({keys})")
            connection.execute(f"create table duplicates.{name} (partition_date date, kind varchar)")
            seen = ", ".join(f'"{c.name}"' for c in contract.columns if not c.is_personal)
            connection.execute(
                f"create view staging.stg_{name} as select {seen}, business_date from raw.{name}"
            )
        connection.execute(
            """
            insert into raw.transactions
                (transaction_id, line_number, customer_id, transaction_at, quantity, net_amount,
                 discount_amount, business_date, partition_date, file_id)
            select 'T' || i, 1, 'C' || i % 7,
                   timestamp '2024-02-29 10:00:00' + to_days(cast(i // 50 as int)), 1, 10.50, 0,
                   date '2024-02-29' + cast(i // 50 as int), date '2024-02-29' + cast(i // 50 as int), 'f'
            from range(100) as t(i)
            """
        )
        connection.execute(f"create table marts.tiers as {TIERS}")
    return settings.warehouse


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    path = tmp_path / "candidate.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create table tiers as {TIERS}")
        connection.execute(
            "create table _publish as select 'run-1' as run_id, 'tiers' as table_name, 10 as row_count"
        )
    return path

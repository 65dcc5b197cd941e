"""What `raw` holds is held against the ledger before anything is built on it."""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb
import pytest
from deployments import Deployment, create, mainstay, says_one_thing

from pipelines.warehouse.reconcile import require_reconciled

DAYS = [date(2024, 5, day) for day in (1, 2, 3, 4)]


def row(number: int, day: date) -> dict[str, object]:
    return {
        "transaction_id": f"t{number}",
        "line_number": 1,
        "customer_id": "c1",
        "transaction_at": f"{day} 10:00:00",
        "net_amount": "9.99",
    }


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    deployment = create(tmp_path_factory.mktemp("reconcile") / "shop")
    for day in DAYS:
        deployment.land("transactions", day, [row(day.day * 10 + n, day) for n in range(3)])
    deployment.land("customers", DAYS[0], [{"customer_id": "c1"}])
    deployment.load()
    return deployment


@pytest.fixture
def shop(loaded: Deployment, tmp_path: Path) -> Deployment:
    """A copy to spoil."""
    shutil.copytree(loaded.settings.home, tmp_path / "shop", symlinks=True)
    return Deployment(loaded.settings.model_copy(update={"home": tmp_path / "shop"}))


def spoil(shop: Deployment, sql: str) -> None:
    with closing(duckdb.connect(str(shop.settings.warehouse))) as connection:
        connection.execute(sql)


def test_a_warehouse_as_it_was_loaded_is_in_order(loaded: Deployment) -> None:
    require_reconciled(loaded.settings)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (
            "DELETE FROM raw.transactions WHERE partition_date < DATE '2024-05-04'",
            [
                "raw.transactions has 0 rows of",
                "/landing/transactions/2024-05-01/transactions.csv where the ledger says 3",
                "mainstay backfill 2024-05-01 2024-05-03",
            ],
        ),
        ("DELETE FROM raw.transactions WHERE transaction_id = 't10'", ["has 2 rows", "backfill 2024-05-01`"]),
        ("INSERT INTO raw.transactions SELECT * FROM raw.transactions LIMIT 1", ["has 4 rows", "ledger says 3"]),
        (
            "INSERT INTO raw.customers SELECT * REPLACE ('me' AS file_id, 'c2' AS customer_id) FROM raw.customers",
            ["raw.customers has 1 rows of no file of the ledger", "ledger says 0"],
        ),
        (
            "UPDATE raw.transactions SET partition_date = DATE '2024-05-09' WHERE transaction_id = 't10'",
            ["has 2 rows of", "has 1 rows of no file of the ledger, at 2024-05-09"],
        ),
        ("DROP TABLE raw.customers", ["raw.customers has 0 rows", "ledger says 1"]),
        ("DELETE FROM ops.files WHERE partition_date = DATE '2024-05-02'", ["has 3 rows of no file of the ledger"]),
    ],
)  # fmt: skip
def test_nothing_is_built_on_rows_that_were_not_loaded_so(
    shop: Deployment, sql: str, words: list[str]
) -> None:
    spoil(shop, sql)
    says_one_thing(
        mainstay(shop.settings.home, "build", "--as-of", "2024-05-04"), 6, "nothing is built", *words
    )
    said = mainstay(shop.settings.home, "doctor")
    assert said.exit_code == 1
    assert words[0] in " ".join(said.output.split())


def test_loading_the_dates_again_mends_it(shop: Deployment) -> None:
    from pipelines import steps

    spoil(shop, "DELETE FROM raw.transactions WHERE partition_date < DATE '2024-05-04'")
    steps.load(shop.settings, shop._start("load", DAYS[0]), DAYS[0], DAYS[2], reload=True)
    require_reconciled(shop.settings)
    assert shop.query("SELECT count(*) FROM raw.transactions") == [(12,)]

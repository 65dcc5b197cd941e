"""The benchmark's customers fall into the seeds' tiers, counted by pandas and not by the generator's SQL."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from pipelines.contracts import canonical_contracts
from pipelines.demo.scale import generate
from pipelines.errors import SettingsError

ROWS = 200_000


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scale")
    report = generate(folder, ROWS, customers=2_000)
    assert (report.rows, report.customers, report.last_date) == (ROWS, 2_000, date(2025, 12, 31))
    assert report.files == sum(1 for path in folder.rglob("*") if path.is_file())
    return folder


@pytest.fixture(scope="module")
def lines(landing: Path) -> pd.DataFrame:
    files = sorted((landing / "transactions").glob("*/*.csv"))
    frame = pd.concat(
        [pd.read_csv(path).assign(folder=path.parent.name) for path in files], ignore_index=True
    )
    return frame.assign(month=pd.to_datetime(frame["transaction_at"]).dt.to_period("M"))


def test_rows_are_exact_and_keys_unique(lines: pd.DataFrame) -> None:
    assert len(lines) == ROWS
    assert not lines.duplicated(["transaction_id", "line_number"]).any()
    assert (lines["transaction_at"].str[:10] == lines["folder"]).all()
    assert lines["month"].nunique() == 24
    assert (
        (lines.groupby("transaction_id")[["customer_id", "transaction_at", "channel"]].nunique() == 1)
        .all()
        .all()
    )


def test_columns_are_the_contracts(landing: Path) -> None:
    contracts = canonical_contracts()
    for dataset in ("transactions", "customers"):
        files = sorted((landing / dataset).glob("*/*.csv"))
        assert files
        names = ",".join(column.source_name for column in contracts[dataset].source_columns)
        for path in files:
            with path.open() as file:
                assert file.readline().strip() == names


def test_active_customers_fall_into_the_seeds_tiers(lines: pd.DataFrame) -> None:
    last = lines["month"].max()
    first = lines.groupby("customer_id")["month"].min()
    window = lines[lines["month"] > last - 12]
    spend = window.groupby("customer_id")["net_amount"].sum()
    by_day = window.groupby(["customer_id", window["transaction_at"].str[:10]])["net_amount"].sum()
    active = by_day[by_day > 0].index.get_level_values(0).unique()
    tiers: list[str] = []
    for customer in active:
        months_since = (last - first[customer]).n
        average = spend[customer] / min(12, months_since + 1)
        if months_since < 3:
            tiers.append("new")
        else:
            bounds = (("diamond", 1000), ("gold", 500), ("silver", 300))
            tiers.append(next((tier for tier, bound in bounds if average >= bound), "ordinary"))
    shares = pd.Series(tiers).value_counts(normalize=True).to_dict()
    want = {"diamond": 0.03, "gold": 0.10, "silver": 0.20, "ordinary": 0.47, "new": 0.20}
    assert set(shares) == set(want)
    for tier, share in want.items():
        assert shares[tier] == pytest.approx(share, abs=0.01), tier
    assert len(active) == pytest.approx(0.9 * lines["customer_id"].nunique(), rel=0.01)


def test_products_have_eight_categories_and_costs_below_their_price(
    landing: Path, lines: pd.DataFrame
) -> None:
    products = pd.read_json(next((landing / "products").glob("*/*.jsonl")), lines=True).set_index(
        "product_id"
    )
    assert products["category"].nunique() == 8
    assert set(lines["product_id"]) <= set(products.index)
    cost = (lines["quantity"] * lines["product_id"].map(products["unit_cost"])).sum()
    assert 0.1 < 1 - cost / lines["net_amount"].sum() < 0.5


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_the_same_arguments_give_the_same_bytes(tmp_path: Path, format: str) -> None:
    def made(name: str, threads: int, seed: int = 1) -> dict[str, bytes]:
        folder = tmp_path / name
        generate(folder, 4_000, 16, customers=100, format=format, threads=threads, seed=seed)
        return {
            str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }

    one = made("one", 1)
    assert len(one) > 300
    assert one == made("two", 2)
    assert one != made("other", 2, seed=2)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"rows": 1000, "format": "xml"}, "format 'xml' is not supported"),
        ({"rows": 1000, "months": 3}, "use at least 16"),
        ({"rows": 1000, "customers": 100}, "use at least 20 rows a customer"),
    ],
)
def test_arguments_without_sense_are_refused(tmp_path: Path, asked: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        generate(tmp_path, **asked)

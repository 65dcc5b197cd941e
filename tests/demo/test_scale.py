"""The benchmark's customers fall into the seeds' tiers, counted by pandas and not by the generator's SQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from shortening import only

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


def read(landing: Path, dataset: str, reader: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    """All of a dataset's files, each row with the date of its folder."""
    files = sorted((landing / dataset).glob("*/*"))
    return pd.concat([reader(path).assign(folder=path.parent.name) for path in files], ignore_index=True)


def json_lines(path: Path) -> pd.DataFrame:
    return pd.read_json(path, lines=True)


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
    tables = ("transactions", "customers", "feedback", "employees", "employee_surveys", "points_redemptions")
    for dataset in tables:
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


def test_a_feedback_is_given_per_20_receipts_and_says_all_that_can_be_said(
    landing: Path, lines: pd.DataFrame
) -> None:
    feedback = read(landing, "feedback", pd.read_csv)
    exits = feedback[feedback["kind"] == "exit_interview"]
    assert len(feedback) - len(exits) == lines["transaction_id"].nunique() // 20
    assert feedback["feedback_id"].is_unique
    assert set(feedback["kind"]) == {
        "nps",
        "csat",
        "complaint",
        "suggestion",
        "praise",
        "exit_interview",
    }
    months = pd.to_datetime(feedback["feedback_at"]).dt.to_period("M")
    assert (months == pd.to_datetime(feedback["folder"]).dt.to_period("M")).all()
    scores = feedback.groupby("kind")["score"].unique()
    assert set(range(1, 11)) <= set(scores["nps"]) <= set(range(11))
    assert set(scores["csat"]) == {1, 2, 3, 4, 5}
    assert feedback["driver"].nunique() == 5
    assert feedback[["customer_id", "driver", "topic", "responded_at", "resolved_at"]].isna().any().all()
    for column in ("responded_at", "resolved_at", "outcome_told_at"):
        assert (feedback[column].dropna() >= feedback["feedback_at"][feedback[column].notna()]).all()
    last = lines.groupby("customer_id")["transaction_at"].max()
    assert (exits["feedback_at"] > exits["customer_id"].map(last)).all()
    assert (last.max() > exits["feedback_at"]).all()


def test_who_left_says_or_shows_why(landing: Path, lines: pd.DataFrame) -> None:
    at = pd.to_datetime(lines["transaction_at"])
    last = at.groupby(lines["customer_id"]).max()
    left = last[last < last.max() - pd.Timedelta(days=85)]
    assert len(left) > 150
    days = (lines["customer_id"].map(left) - at).dt.days
    of_left = lines.assign(before=days).dropna(subset=["before"])
    late = of_left[of_left["before"] < 150]
    discounted = (late["discount_amount"] > 0).groupby(late["customer_id"]).mean()
    assert 0.15 < (discounted > 0.9).mean() < 0.25  # for the price
    categories = pd.to_numeric(late["product_id"].str[1:]) % 8
    assert 0.15 < (categories.groupby(late["customer_id"]).nunique() <= 3).mean() < 0.3  # changed habits
    complaints = read(landing, "feedback", pd.read_csv).query("kind == 'complaint'")
    assert set(complaints["customer_id"]) & set(left.index)
    surveys = read(landing, "wallet_surveys", json_lines)
    own = surveys[surveys["is_own_brand"] & (surveys["category"] == "all")].sort_values("surveyed_at")
    ranks = own[own["customer_id"].isin(left.index)].groupby("customer_id")["preference_rank"]
    assert (ranks.last() > ranks.first()).sum() > 20  # to a competitor
    contacts = read(landing, "interactions", pd.read_parquet)
    calls = contacts[(contacts["direction"] == "outbound") & (contacts["kind"] == "call")]
    assert (calls["interaction_at"] > calls["customer_id"].map(left)).sum() > 50
    days_bought = lines.assign(day=at.dt.normalize()).drop_duplicates(["customer_id", "day"])
    gaps = days_bought.sort_values("day").groupby("customer_id")["day"].diff().dt.days
    assert (gaps > 85).sum() > 30  # came back


def test_a_survey_ranks_every_brand_and_ours_once(landing: Path) -> None:
    surveys = read(landing, "wallet_surveys", json_lines)
    answers = surveys.groupby(["survey_id", "category"])
    assert (answers["is_own_brand"].sum() == 1).all()
    assert (answers["preference_rank"].apply(sorted).map(lambda r: r == list(range(1, len(r) + 1)))).all()
    assert surveys["declared_wallet"].notna().any()
    assert surveys["declared_wallet"].isna().any()


def test_care_is_kept_for_those_who_consent_and_points_are_spent_once_in_40_receipts(
    landing: Path, lines: pd.DataFrame
) -> None:
    customers = read(landing, "customers", pd.read_csv).set_index("customer_id")
    assert customers["is_marketing_consent"].eq(True).mean() == pytest.approx(0.85, abs=0.03)
    assert set(customers["preferred_channel"].dropna()) == {"message", "email", "phone"}
    assert customers["registered_on"].max() <= "2024-01-01"
    contacts = read(landing, "interactions", pd.read_parquet)
    assert contacts["interaction_id"].is_unique
    care = contacts[contacts["interaction_id"].str.startswith("care-")]
    assert care["customer_id"].map(customers["is_marketing_consent"]).eq(True).all()
    assert len(care) > 3 * len(customers)
    assert set(care["kind"]) == {"message", "call"}
    spent = read(landing, "points_redemptions", pd.read_csv)
    receipts = lines["transaction_id"].nunique()
    assert receipts / 60 < len(spent) < receipts / 30
    earned = lines.groupby("customer_id")["net_amount"].sum()
    redeemed = spent.groupby("customer_id")["points"].sum()
    assert (redeemed > earned[redeemed.index]).mean() < 0.05
    assert set(spent["redeemed_at"].str[:7]) <= set(lines["transaction_at"].str[:7])


def test_staff_stand_in_stores_that_sell_and_look_after_customers(landing: Path, lines: pd.DataFrame) -> None:
    employees = read(landing, "employees", pd.read_csv)
    assert employees["employee_id"].is_unique
    assert set(employees["store_id"].dropna()) == set(lines["store_id"])
    assert (employees["left_on"].dropna() > employees["hired_on"][employees["left_on"].notna()]).all()
    here = employees[(employees["hired_on"] <= "2025-12-31") & employees["left_on"].isna()]
    sizes = here.groupby("team_id").size()
    assert sizes.min() < 5 < sizes.max()  # some teams are too small to be shown
    surveys = read(landing, "employee_surveys", pd.read_csv)
    assert set(surveys["team_id"]) <= set(employees["team_id"])
    assert surveys["survey_id"].is_unique
    customers = read(landing, "customers", pd.read_csv)
    for column, known in (
        ("account_manager_employee_id", employees["employee_id"]),
        ("referred_by_customer_id", customers["customer_id"]),
    ):
        named = customers[column].dropna()
        assert len(named) > 50
        assert set(named) <= set(known)


@pytest.mark.parametrize("format", only(["csv", "parquet"], "csv"))
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

"""CDNOW's transactions, loaded as a company's own, give published marts that agree with another implementation."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deployments import Deployment, create
from lifetimes import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter
from lifetimes.datasets import load_dataset
from lifetimes.utils import summary_data_from_transaction_data

from pipelines import steps

pytestmark = pytest.mark.usefixtures("with_few_checks")

CALIBRATION_END, AS_OF = date(1997, 9, 30), date(1998, 6, 30)


@pytest.fixture(scope="module")
def transactions() -> pd.DataFrame:
    names = ["master", "customer_id", "day", "cds", "amount"]
    frame = load_dataset("CDNOW_sample.txt", header=None, sep=r"\s+", names=names)
    return frame.assign(
        customer_id=[f"c{n:04d}" for n in frame["customer_id"]], day=pd.to_datetime(frame["day"].astype(str))
    )


@pytest.fixture(scope="module")
def shop(transactions: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    home: Path = tmp_path_factory.mktemp("cdnow")
    deployment = create(home)
    lines = [
        {
            "transaction_id": f"t{number}",
            "line_number": 1,
            "customer_id": row.customer_id,
            "transaction_at": f"{row.day.date()} 12:00:00",
            "quantity": 1,
            "net_amount": f"{row.amount:.2f}",
        }
        for number, row in enumerate(transactions.itertuples())
    ]
    deployment.land("transactions", AS_OF, lines)
    deployment.load()
    deployment.fit(AS_OF)
    return deployment


def fits(shop: Deployment, sample: str) -> dict[str, dict[str, float]]:
    rows = shop.records(f"select * from marts.model_fits where sample = '{sample}'")
    assert all(row["is_published"] and row["fitted_at"] == AS_OF for row in rows), rows
    return {row["model"]: row for row in rows}


def summary(transactions: pd.DataFrame, end: date) -> pd.DataFrame:
    """x, t_x, T in days and mean repeat spend by lifetimes; a day without net spend is no purchase day."""
    days = transactions.groupby(["customer_id", "day"], as_index=False)["amount"].sum()
    return summary_data_from_transaction_data(
        days[(days["amount"] > 0) & (days["day"] <= pd.Timestamp(end))],
        "customer_id",
        "day",
        "amount",
        observation_period_end=end,
        freq="D",
    )


@pytest.mark.soak
def test_the_calibration_has_the_parameters_of_the_papers_but_for_customers_who_paid_nothing(
    shop: Deployment,
) -> None:
    found = fits(shop, "calibration")
    # 8 of the 2,357 customers bought for 0.00 and have no purchase day.
    assert {row["customers"] for row in found.values()} == {2349}
    assert [found["bg_nbd"][p] for p in ("r", "alpha", "a", "b")] == pytest.approx(
        [0.243, 4.414, 0.793, 2.426], rel=0.005
    )
    assert [found["pareto_nbd"][p] for p in ("r", "alpha", "s", "beta")] == pytest.approx(
        [0.553, 10.578, 0.606, 11.669], rel=0.01
    )


@pytest.mark.soak
def test_each_customer_has_the_figures_of_the_other_implementation(
    shop: Deployment, transactions: pd.DataFrame
) -> None:
    expected = summary(transactions, AS_OF)
    mart = pd.DataFrame(shop.records("select * from marts.customer_retention")).set_index("customer_id")
    assert set(mart.index) == set(expected.index)
    mart = mart.loc[expected.index]
    found = fits(shop, "full")
    x, t_x, age = expected["frequency"], expected["recency"] / 7, expected["T"] / 7
    for other, model, alive, purchases in (
        (BetaGeoFitter(), "bg_nbd", "p_alive_bg_nbd", "expected_purchase_days_12m"),
        (ModifiedBetaGeoFitter(), "mbg_nbd", "p_alive", "expected_purchase_days_12m_mbg_nbd"),
    ):
        other.params_ = pd.Series({name: found[model][name] for name in ("r", "alpha", "a", "b")})
        assert mart[alive].to_numpy() == pytest.approx(
            np.asarray(other.conditional_probability_alive(x, t_x, age)), rel=1e-9
        )
        assert mart[purchases].to_numpy() == pytest.approx(
            np.asarray(other.conditional_expected_number_of_purchases_up_to_time(365 / 7, x, t_x, age)),
            rel=1e-7,
        )
    spend = GammaGammaFitter()
    spend.params_ = pd.Series({name: found["gamma_gamma"][name] for name in ("p", "q", "v")})
    assert mart["expected_spend_per_purchase_day"].to_numpy() == pytest.approx(
        spend.conditional_expected_average_profit(x, expected["monetary_value"]).to_numpy(), rel=1e-6
    )


@pytest.mark.soak
def test_the_calibration_report_counts_what_came_after_it(
    shop: Deployment, transactions: pd.DataFrame
) -> None:
    before, whole = summary(transactions, CALIBRATION_END), summary(transactions, AS_OF)
    later = (whole["frequency"].reindex(before.index) - before["frequency"]).groupby(
        before["frequency"].clip(upper=7)
    )
    classes = shop.records(
        "select * from marts.model_calibration where report = 'frequency_class' and model = 'bg_nbd' order by bucket"
    )
    assert {row["calibration_end"] for row in classes} == {CALIBRATION_END}
    assert [row["actual_purchase_days"] for row in classes] == later.sum().astype(int).tolist()
    assert [row["customers"] for row in classes] == later.size().tolist()
    weeks = shop.records(
        "select * from marts.model_calibration where report = 'week' and model = 'bg_nbd' order by bucket"
    )
    assert [row["bucket"] for row in weeks] == list(range(1, 79))
    assert [row["is_holdout"] for row in weeks] == [False] * 39 + [True] * 39
    assert weeks[38]["actual_purchase_days"] == before["frequency"].sum()
    assert weeks[77]["actual_purchase_days"] == whole["frequency"].reindex(before.index).sum()
    # The paper's figure 3: BG/NBD foretells the 39 weeks of the holdout within a few percent.
    assert weeks[77]["predicted_purchase_days"] == pytest.approx(weeks[77]["actual_purchase_days"], rel=0.06)
    for week in (1, 20, 39, 78):
        end = pd.Timestamp(1997, 1, 1) + pd.Timedelta(days=7 * week - 1)
        seen = summary(transactions, end.date())
        assert weeks[week - 1]["actual_purchase_days"] == seen["frequency"].sum()
        assert weeks[week - 1]["customers"] == len(seen)


@pytest.mark.soak
def test_fitting_again_from_the_last_parameters_changes_nothing(shop: Deployment) -> None:
    tables = ("model_fits", "model_calibration", "customer_retention")
    before = {name: shop.query(f"select * from marts.{name} order by all") for name in tables}
    summary = steps.fit(shop.settings, shop._start("fit", AS_OF), AS_OF)
    assert summary["left_out"] == {}
    assert {name: shop.query(f"select * from marts.{name} order by all") for name in tables} == before

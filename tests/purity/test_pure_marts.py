"""The marts depend on the final files, the policies and the as-of date alone: not on what was built before.

tests/soak/test_random_histories.py asks the same of hundreds of random histories.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from one_history import one_history
from shortening import soak

from pipelines.contracts import mart_contracts
from tests.soak.purity.histories import History, histories
from tests.soak.purity.judge import Trial, differences, tables
from tests.soak.purity.ways import (
    Rounds,
    corrected,
    daily,
    emptied_and_back,
    mixed,
    refused,
    reloaded,
    there_and_back,
)

pytestmark = pytest.mark.usefixtures("with_few_checks")


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    return Trial.of(tmp_path_factory.mktemp("one_history"), one_history())


@pytest.mark.soak
def test_the_history_reaches_every_mart(trial: Trial) -> None:
    assert {f"marts.{name}" for name in mart_contracts()} <= set(trial.expected)
    # So few buyers carry no fit: model_fits says so, and there is nothing to calibrate. The shipped contract wants a
    # customer of each sale.
    assert [name for name, (_, rows) in trial.expected.items() if not rows] == [
        "intermediate.int_anonymous_months",
        "intermediate.int_anonymous_windows",
        "marts.model_calibration",
    ]


# Each but the first of a row starts from where the one before ended; a deployment of its own costs seconds.
# `shuffled` is left to the long form, as the corrections come in another order too; so are the rarer ways.
@pytest.mark.soak
@pytest.mark.parametrize(
    "ways",
    [
        soak([daily]),
        [corrected, emptied_and_back],
        soak([corrected, emptied_and_back, reloaded]),
        soak([there_and_back, refused]),
    ],
    ids=lambda ways: "-".join(way.__name__ for way in ways),
)
def test_every_way_gives_the_marts_of_one_load(trial: Trial, ways: list[Callable[[History], Rounds]]) -> None:
    trial.judge(*ways)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("change", "table"),
    [
        ("update marts.fct_transactions set profit_amount = profit_amount + 0.01 where transaction_id = 't4'",
         "marts.fct_transactions"),
        ("insert into marts.survival_curves from marts.survival_curves limit 1", "marts.survival_curves"),
        ("delete from intermediate.int_customer_days where customer_id = 'c1'", "intermediate.int_customer_days"),
        ("alter table marts.dim_customers rename column region to place", "marts.dim_customers"),
    ],
)  # fmt: skip
def test_a_single_row_too_many_too_few_or_different_is_seen(
    trial: Trial, tmp_path: Path, change: str, table: str
) -> None:
    source = trial.home / "from_scratch" / "var" / "warehouse" / "mainstay.duckdb"
    changed = tmp_path / "mainstay.duckdb"
    changed.write_bytes(source.read_bytes())
    with duckdb.connect(str(changed)) as connection:
        connection.execute(change)
    assert [d.table for d in differences(trial.expected, tables(changed))] == [table]


def is_rich(history: History) -> bool:
    """Leaves out the almost empty histories that hypothesis begins with."""
    return len(history.final) > 12 and len(history.earlier) > 6


@pytest.mark.soak
@settings(
    max_examples=1,
    phases=[Phase.generate],  # a history takes seconds; the long form's SOAK_SHRINK looks for a smaller one
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(histories(max_rounds=2).filter(is_rich))
def test_a_random_way_gives_the_marts_of_one_load(history: History) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Trial.of(Path(folder), history).judge(mixed)

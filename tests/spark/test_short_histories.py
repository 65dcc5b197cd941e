"""A random history on both engines, in short: loaded by some way, and the marts that the others rest on.

`make soak` has five of these, and all marts of many, with builds on the way: `test_histories.py`.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from shortening import examples

from pipelines import steps
from pipelines.contracts import mart_contracts
from pipelines.transform import run as dbt_runs
from pipelines.warehouse.connection import connect
from tests.soak.purity.histories import History, histories
from tests.soak.purity.ways import World, from_scratch, mixed

from .parity import attached, differences
from .sessions import SPARK

pytestmark = pytest.mark.usefixtures("session", "with_some_marts")

MARTS = (
    *("dim_customers", "fct_transactions", "fct_feedback", "customer_tiers_monthly", "tier_migration_monthly"),
    *("share_of_wallet_monthly", "retention_flows_monthly", "revenue_retention_monthly"),
)  # fmt: skip


@pytest.fixture(scope="module")
def with_some_marts() -> Iterator[None]:
    """Builds make these marts alone, with what they read and without dbt's tests; nothing is fitted."""
    with pytest.MonkeyPatch.context() as patch:
        left_out = ["--exclude", "resource_type:test"]
        patch.setitem(dbt_runs.SELECTIONS, "stage", [*dbt_runs.SELECTIONS["stage"], *left_out])
        built = [
            "--select",
            *(f"+{mart}" for mart in MARTS),
            "--exclude",
            "path:models/staging",
            "resource_type:seed",
        ]
        patch.setitem(dbt_runs.SELECTIONS, "build", [*built, "resource_type:test"])
        patch.setattr(steps, "fit", lambda *_: None)
        yield


def loaded_alone(history: History) -> History:
    """The same files by the same way, and one build at its end."""
    rounds = tuple(dataclasses.replace(r, as_of=None, is_refused=False, policy=None) for r in history.rounds)
    return dataclasses.replace(history, rounds=rounds)


def has_customers(world: World) -> bool:
    """Whether anyone has a tier."""
    with closing(connect(world.settings, read_only=True)) as connection:
        return bool(connection.execute("select 1 from marts.customer_tiers_monthly limit 1").fetchall())


@settings(
    max_examples=examples(1, 5),
    phases=[Phase.generate],
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(histories(max_rounds=1).filter(lambda history: len(history.final) > 12).map(loaded_alone))
def test_a_random_way_gives_the_same_marts(history: History) -> None:
    with tempfile.TemporaryDirectory() as folder:
        both = World(Path(folder, "duckdb"), history), World(Path(folder, "spark"), history, engine=SPARK)
        both[0].go(from_scratch)
        # Where later files took every purchase to a day after the as-of date, there is nothing to compare.
        assume(has_customers(both[0]))
        both[1].go(mixed)
        with attached(*(world.settings.warehouse for world in both)) as connection:
            found = differences(connection, [mart_contracts()[mart] for mart in MARTS])
        assert found == [], both[1].done

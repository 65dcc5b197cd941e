"""Without the macro for decimals the marts of the engines differ: the comparison of whole marts is there to see it."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from pipelines import steps
from pipelines.contracts import mart_contracts
from pipelines.errors import BuildError
from pipelines.transform import run as dbt_runs
from pipelines.transform.parsed import read_parsed
from pipelines.warehouse.connection import connect
from tests.soak.purity.histories import SETTINGS, SMALL, History, Policy, Round
from tests.soak.purity.landing import Partition, Row
from tests.soak.purity.voices import at
from tests.soak.purity.ways import World, from_scratch

from .parity import attached, differences
from .sessions import SPARK

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("session", "with_one_mart")]

MART = "retention_cohorts_monthly"
MACRO = "macro.mainstay.spark__to_decimal"
BARE = """{% macro spark__to_decimal(expression, scale, precision) -%}
    cast({{ expression }} as decimal({{ precision }}, {{ scale | int }}))
{%- endmacro %}"""
DAY = date(2024, 1, 31)
CENTS = [100] * 15 + [158]
"""16.58 of sixteen customers is 1.03625 of each: a tie by its text, and a little less by its product with 10,000."""


def sale(number: int, cents: int) -> Row:
    return {
        "transaction_id": f"t{number}",
        "line_number": 1,
        "customer_id": f"c{number}",
        "product_id": "p1",
        "transaction_at": at(DAY, 0),
        "net_amount": f"{cents / 100:.2f}",
    }


HISTORY = History(
    final={
        Partition("customers", DAY): {"a": ({"customer_id": "c1", "full_name": "Name 1"},)},
        Partition("products", DAY): {"a": ({"product_id": "p1", "category": "dairy"},)},
        Partition("transactions", DAY): {"a": tuple(sale(*each) for each in enumerate(CENTS, start=1))},
    },
    earlier={},
    as_of=date(2024, 2, 29),
    policy=Policy(),
    other_policy=Policy(),
    settings=SMALL + SETTINGS[0],
)


@pytest.fixture
def with_one_mart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds make this mart alone, with what it reads and without dbt's tests; nothing is fitted."""
    left_out = ["--exclude", "path:models/staging", "resource_type:seed", "resource_type:test"]
    monkeypatch.setitem(dbt_runs.SELECTIONS, "build", ["--select", f"+{MART}", *left_out])
    monkeypatch.setattr(steps, "fit", lambda *_: None)


def test_a_bare_cast_gives_another_mart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    duckdbs = World(tmp_path / "duckdb", HISTORY)
    sparks = World(tmp_path / "spark", HISTORY, engine=SPARK)
    for world in (duckdbs, sparks):
        world.go(from_scratch)

    def found() -> list[str]:
        with attached(duckdbs.settings.warehouse, sparks.settings.warehouse) as connection:
            return differences(connection, [mart_contracts()[MART]])

    assert found() == []

    def mutated(settings: object, key: str) -> object:
        manifest = read_parsed(settings, key)  # type: ignore[arg-type]
        monkeypatch.setattr(manifest.macros[MACRO], "macro_sql", BARE)
        return manifest

    with monkeypatch.context() as patch:
        patch.setattr(dbt_runs, "read_parsed", mutated)
        sparks.take(Round({}, as_of=HISTORY.as_of))
    (said,) = found()
    assert "cumulative_revenue_per_customer: 2 rows differ" in said


def test_a_model_that_does_not_keep_its_contract_is_not_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, HISTORY, engine=SPARK)

    def mutated(settings: object, key: str) -> object:
        manifest = read_parsed(settings, key)  # type: ignore[arg-type]
        if manifest is not None:
            column = manifest.nodes[f"model.mainstay.{MART}"].columns["cohort_size"]
            monkeypatch.setattr(column, "data_type", "varchar")
        return manifest

    with monkeypatch.context() as patch:
        patch.setattr(dbt_runs, "read_parsed", mutated)
        with pytest.raises(BuildError, match=rf"{MART}.*enforced contract that failed"):
            world.go(from_scratch)
    with closing(connect(world.settings, read_only=True)) as connection:
        assert not connection.execute(
            "SELECT 1 FROM information_schema.tables WHERE table_name = ?", [MART]
        ).fetchall()

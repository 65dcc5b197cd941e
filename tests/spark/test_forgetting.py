"""An erasure goes through the lake as it goes through DuckDB's tables, and leaves no file with the person."""

from __future__ import annotations

from pathlib import Path

import pytest
from scanning import scan

from pipelines.warehouse.spark.lake import Lake
from tests.forget.forgetting_world import ANNA, MARKERS, forget, landed, rows_by_table, unaccounted
from tests.spark.loading_pair import in_process
from tests.spark.sessions import SPARK, needs_spark

# The session of all tests: one of its own would have its scratch files in this deployment for as long as it lives.
pytestmark = [needs_spark, pytest.mark.usefixtures("session")]


@pytest.mark.soak
def test_the_same_rows_are_left_and_no_byte_of_the_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_process(monkeypatch)
    one, other = landed(tmp_path / "one"), landed(tmp_path / "other", **SPARK)
    for world in (one, other):
        world.load()
    before = rows_by_table(one)
    assert rows_by_table(other) == before
    told = [forget(world, ANNA) for world in (one, other)]
    assert {k: v for k, v in told[1].items() if k.startswith(("rows", "customer"))} == {
        k: v for k, v in told[0].items() if k.startswith(("rows", "customer"))
    }
    after = rows_by_table(one)
    assert after != before
    assert rows_by_table(other) == after
    assert unaccounted(other) == []
    lake = Path(Lake.of(other.settings).root)
    assert list(lake.rglob("*.parquet"))
    assert (
        scan(other.settings.var, [m.lower() for m in MARKERS], without=[other.settings.var / "dbt"]).found
        == []
    )
    other.load()
    assert rows_by_table(other) == after, "what comes again is without the person"

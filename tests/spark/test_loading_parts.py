"""Parts of a load, each read by itself, and taken over as one: as DuckDB loads them.

No partition meets another here, so that no Spark is needed.
"""

from __future__ import annotations

import gzip
import json
import pickle
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loading_world import DAY, GOOD, HEADER
from pydantic import SecretStr
from shortening import only

from pipelines.errors import FileRefusedError, LandingError, LoadError, WarehouseDamagedError
from pipelines.load import apart, load_datasets
from pipelines.load.part import of_tasks
from pipelines.load.plan import plan_load
from pipelines.warehouse.aside import set_aside
from pipelines.warehouse.connection import connect, transaction
from pipelines.warehouse.engines import engine_of
from tests.spark.loading_pair import Pair, in_process, load, rows

SECOND = "2017-03-02"
DIRTY = (
    GOOD.format(1),
    "short",
    GOOD.format(2).replace("9.99", "free"),
    GOOD.format(1).replace("hello", "corrected"),
    GOOD.format(3).replace(",1,c1", ",0x1,c1"),
    GOOD.format(4),
    GOOD.format(4),
)


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    in_process(monkeypatch)
    pair = Pair(tmp_path)
    pair.world.setting(toleratedRejectRate=1, toleratedKeyReuseRate=1)
    return pair


def test_rows_rejects_and_repeats_are_the_same_with_file_line_and_reasons(pair: Pair) -> None:
    pair.world.rows(*DIRTY)
    pair.world.good(8, 9, name="more.csv")
    told = pair.load()
    assert [
        (t["loaded"], t["quarantined"], t["duplicates"]) for t in told if t["dataset"] == "transactions"
    ] == [(4, 3, 2)]
    assert not list(pair.lake.glob("raw/transactions/*/*/*.crc"))
    pair.world.rows(GOOD.format(1), "short")
    pair.load()
    pair.load(reload=True)
    assert len(list(pair.lake.glob("raw/transactions/*/*/rows.parquet"))) == 1, "what was replaced has gone"


@pytest.mark.soak
def test_a_file_of_another_kind_is_read_the_same(pair: Pair) -> None:
    path = pair.world.rows(*DIRTY)
    path.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    pair.load()
    pair.world.server(format="parquet", path="transactions/{date}/*.parquet")
    table = pa.table(
        {name: [value] * 2 for name, value in zip(HEADER.split(","), GOOD.format(5).split(","), strict=True)}
    )
    pair.world.land("", name="x.parquet")
    pq.write_table(table, pair.world.settings.landing / "transactions" / DAY / "x.parquet")
    pair.load()
    pair.world.server(format="jsonl", path="transactions/{date}/*.jsonl")
    row: dict[str, Any] = dict(zip(HEADER.split(","), GOOD.format(6).split(","), strict=True))
    pair.world.land(
        "\n".join([json.dumps(row), "{", json.dumps({**row, "quantity": "many"})]), name="x.jsonl"
    )
    pair.load()


@pytest.mark.soak
def test_columns_that_come_and_go_are_told_and_empty_where_they_were_not(pair: Pair) -> None:
    pair.world.rows(GOOD.format(1) + ",news", header=HEADER + ",added_later")
    pair.load()
    assert rows(pair.spark.settings, "ops.drift")
    pair.world.column("added_later", mayBeMissing=True)
    pair.world.good(3, day=SECOND)
    pair.world.rows(day=DAY)
    pair.load()


def test_files_that_are_not_what_their_contract_says_are_refused_by_name(pair: Pair) -> None:
    pair.world.good(1)
    pair.load()
    pair.world.land("", name="empty.csv")
    pair.world.land("a,b\n1,2\n", name="other.csv")
    kind, text = pair.load()
    assert kind is FileRefusedError
    assert "empty.csv" in text
    assert "other.csv" in text


def test_control_totals_refuse_the_same_files_and_stay_with_the_rows(pair: Pair) -> None:
    control = {"rows": 2, "net_amount": "19.98"}
    pair.world.good(1, 2)
    pair.world.land(json.dumps(control), name="sales.csv.control.json")
    pair.load()
    assert rows(pair.spark.settings, "ops.controls")
    pair.world.land(json.dumps({**control, "rows": 3}), name="sales.csv.control.json")
    kind, text = pair.load(reload=True)
    assert kind is FileRefusedError
    assert "says 3 rows, found 2" in text


def test_too_many_rejects_in_one_part_keep_those_of_all_to_look_at(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "_LEAST_BYTES", 1)
    pair.world.setting(toleratedRejectRate=0.4)
    pair.world.rows(GOOD.format(1), GOOD.format(2), "short")
    pair.load()
    pair.world.rows(
        GOOD.format(1), GOOD.format(2), GOOD.format(3), "short", GOOD.format(3).replace("9.99", "free")
    )
    pair.world.rows("short", GOOD.format(7).replace("9.99", "free"), GOOD.format(8), day=SECOND)
    kind, text = pair.load()
    assert kind is LoadError
    assert "None of the 2 dates" in text
    assert pair.spark.ids() == ["t1", "t2"], "raw keeps what it held"
    assert len(pair.spark.query("FROM quarantine.transactions")) == 5, "and what was set aside beside it"
    pair.load()
    pair.world.good(1)
    (pair.world.settings.landing / "transactions" / SECOND / "sales.csv").unlink()
    pair.load()


@pytest.mark.soak
def test_an_emptied_partition_holds_nothing(pair: Pair) -> None:
    path = pair.world.rows(*DIRTY)
    pair.load()
    pair.world.land("", day="2017-02-01", name="readme.txt")
    path.unlink()
    pair.load()
    pair.load(remove_missing=True)
    assert not list(pair.lake.glob("*/transactions/*/*/*.parquet"))


def test_a_file_that_changes_meanwhile_is_not_loaded(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.load import part

    path = pair.world.good(1)
    attempts = part.attempts

    def changed(*arguments: Any) -> Any:
        path.write_text(path.read_text() + "more\n")
        return attempts(*arguments)

    monkeypatch.setattr(part, "attempts", changed)
    with pytest.raises(LandingError, match="found that it changed while it was loaded"):
        pair.spark.load()
    assert pair.spark.ids() == []


def test_a_part_that_is_read_twice_changes_nothing(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    in_process(monkeypatch, times=2)
    pair.world.rows(*DIRTY)
    pair.load()
    assert len(list(pair.lake.glob("raw/transactions/*/*"))) == 1, "what the other attempt kept has gone"


class KilledError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(
    "moment",
    only(
        ["parts read", "keys compared", "in the transaction", "taken over"],
        "in the transaction",
        "taken over",
    ),
)
def test_a_kill_loses_nothing_and_the_next_load_clears_up(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    pair.world.good(1)
    pair.load()
    pair.world.rows(*DIRTY)

    def killed(name: object) -> None:
        if name == moment or not isinstance(name, str):
            raise KilledError

    with monkeypatch.context() as patch:
        place = "note_validity" if moment == "in the transaction" else "crash_point"
        patch.setattr(apart, place, killed)
        with pytest.raises(KilledError):
            load(pair.spark.settings, "run-1")
    assert pair.spark.ids() == (["t1"] if moment != "taken over" else ["t1", "t4"])
    if moment == "taken over":
        load(pair.world.settings, "run-1")
    else:
        pair.load()
    load(pair.spark.settings, "nothing new")
    pair.require_same()
    files = {str(path.parent.relative_to(pair.lake)) for path in pair.lake.glob("*/*/*/*/*.parquet")}
    assert files == {path for (path,) in pair.spark.query("SELECT path FROM ops.lake")}


def test_tasks_get_no_secrets_and_no_more_than_their_memory(pair: Pair) -> None:
    secret = "postgresql://mainstay:very-secret@db/mainstay"
    settings = pair.spark.settings.model_copy(
        update={"postgres_url": SecretStr(secret), "notify_urls": SecretStr("jsons://very-secret@host")}
    )
    given = of_tasks(settings, "300MiB")
    assert b"very-secret" not in pickle.dumps(given)
    assert (given.duckdb_threads, given.duckdb_memory_limit) == (1, "300MiB")


def test_a_dry_run_says_the_same(pair: Pair) -> None:
    pair.world.good(1, 2)
    pair.load()
    pair.world.rows(*DIRTY)
    plans = [plan_load(world.settings, None, None).as_dict() for world in (pair.world, pair.spark)]
    assert plans[1] == plans[0]
    assert plans[0]["totals"]["added"] == 1
    pair.require_same()


def test_a_warehouse_of_the_other_engine_is_left_alone(pair: Pair) -> None:
    pair.world.good(1)
    pair.load()
    for one, other in ((pair.world, pair.spark), (pair.spark, pair.world)):
        swapped = one.settings.model_copy(update={"engine": other.settings.engine})
        with pytest.raises(
            WarehouseDamagedError, match=f"MAINSTAY_ENGINE={one.settings.engine}.*mainstay rebuild"
        ):
            load_datasets(swapped, "other", None, None)
    pair.require_same()


def test_changed_rows_are_written_anew_and_the_old_ones_go_once_it_is_committed(pair: Pair) -> None:
    pair.world.rows(*DIRTY)
    pair.load()
    settings, table = pair.spark.settings, ("raw", "transactions")
    (old,) = pair.lake.glob("raw/transactions/*/*/rows.parquet")
    engine = engine_of(settings)
    with closing(connect(settings)) as connection:
        for is_kept in (False, True):
            connection.execute("BEGIN")
            with engine.changing(connection, settings, table, "transaction_id = 't4'") as name:
                connection.execute(f"DELETE FROM {name} WHERE transaction_id = 't4'")
            connection.execute("COMMIT" if is_kept else "ROLLBACK")
            engine.tidy(connection, settings)
            assert old.exists() != is_kept
        with (
            transaction(connection),
            engine.changing(connection, settings, ("quarantine", "transactions"), "true") as name,
        ):
            connection.execute(f"UPDATE {name} SET raw_text = raw_text")
        (left,) = pair.lake.glob("quarantine/transactions/*/*/rows.parquet")
        with transaction(connection), engine.changing(connection, settings, table, "true") as name:
            connection.execute(f"DELETE FROM {name}")
        engine.tidy(connection, settings)
    assert left.exists(), "what has not changed is not written anew"
    assert not list(pair.lake.glob("raw/transactions/*/*/*"))
    assert pair.spark.ids() == []


def test_a_warehouse_that_is_set_aside_takes_its_lake_along(pair: Pair) -> None:
    pair.world.good(1)
    pair.load()
    file, kept = set_aside(pair.spark.settings)
    assert (file.exists(), kept.parent) == (True, pair.lake)
    assert list(kept.glob("raw/transactions/*/*/rows.parquet"))
    load(pair.spark.settings, "run-0")
    pair.require_same()

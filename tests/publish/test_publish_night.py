"""What a published night holds, what is refused, and that refusing changes nothing."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import duckdb
import pytest
from publishing_world import (
    AS_OF,
    COLUMNS,
    ODD,
    TABLES,
    assert_tidy,
    build_warehouse,
    contracts,
    everything_in,
    parquet_night,
    publish_night,
    served_night,
    settings_in,
)

from pipelines.publish import current, publish, versions
from pipelines.quoting import ident
from pipelines.warehouse.connection import connect


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as c:
        return c.execute(sql).fetchall()


def test_a_published_night_is_the_marts_in_key_order_with_their_contract(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    result = publish_night(settings, 1)
    served = settings.serving / "marts.duckdb"
    assert_tidy(settings)
    assert (served_night(served), parquet_night(settings)) == (1, 1)
    assert current(settings) == result
    assert result.tables["tiers"].row_count == 41

    for name in ("tiers", ODD):
        expected = query(settings.warehouse, f"select * from marts.{ident(name)} order by customer_id, month")
        assert query(served, f"select * from {ident(name)}") == expected
        parquet = str(settings.serving / "parquet/current" / f"{name}.parquet").replace("'", "''")
        assert query(served, f"select * from read_parquet('{parquet}')") == expected
    described = query(served, "describe tiers")
    assert [(r[0], r[1]) for r in described] == [
        (c.name, c.type) for c in contracts(tmp_path)["tiers"].columns
    ]
    assert query(served, "select comment from duckdb_tables() where table_name = 'tiers'") == [
        ("One row per customer and month. Customers' tiers; it's \"quoted\".",)
    ]
    assert query(
        served,
        "select comment from duckdb_columns() where table_name = 'tiers' and column_name = 'customer_id'",
    ) == [("who's who",)]
    assert query(
        served, "select tags['storage_version'] from duckdb_databases() where database_name = 'marts'"
    ) == [("v1.5.0+",)]


def test_the_storage_format_is_the_settings_and_a_change_of_it_is_published(tmp_path: Path) -> None:
    for storage in ("v1.0.0", "v1.4.0"):
        settings = settings_in(tmp_path, serving_storage_version=storage)
        assert not publish_night(settings, 1).unchanged
        assert publish_night(settings, 1).unchanged
        version = "select tags['storage_version'] from duckdb_databases() where database_name = 'marts'"
        assert query(settings.serving / "marts.duckdb", version) == [(f"{storage}+",)]
        assert served_night(settings.serving / "marts.duckdb") == 1
    with pytest.raises(ValueError, match=r"'latest', 'v1.5.0', 'v1.4.0'"):
        settings_in(tmp_path, serving_storage_version="v1.4.4")


def test_the_publish_table_says_run_date_moment_counts_and_contract_versions(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    result = publish_night(settings, 3)
    rows = query(
        settings.serving / "marts.duckdb",
        "select run_id, as_of_date, table_name, row_count, contract_version, published_at "
        "from _publish order by table_name",
    )
    assert [r[:5] for r in rows] == [
        ("run-3", AS_OF, name, 0 if name == "empty_mart" else 43, "1.2.0") for name in sorted(TABLES)
    ]
    assert {r[5] for r in rows} == {result.published_at.replace(tzinfo=None)}
    manifest = json.loads((settings.serving / "versions" / result.version / "manifest.json").read_text())
    assert (manifest["run_id"], manifest["as_of_date"], manifest["tables"]["tiers"]["row_count"]) == (
        "run-3",
        "2017-12-31",
        43,
    )


def test_a_bi_connection_cannot_write_the_served_file(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    with (
        duckdb.connect(str(settings.serving / "marts.duckdb"), read_only=True) as c,
        pytest.raises(duckdb.Error, match="read-only"),
    ):
        c.execute("delete from tiers")


@pytest.mark.parametrize("reverse", [False, True])
def test_publishing_the_same_marts_again_changes_nothing(reverse: bool, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    first = publish_night(settings, 1)
    before = everything_in(settings.serving)
    build_warehouse(
        settings, 1, reverse=reverse
    )  # the same rows, whatever order a parallel build left them in
    again = publish(settings, "run-9", AS_OF, contracts(tmp_path))
    assert again.unchanged
    assert (again.run_id, again.version, again.published_at) == ("run-1", first.version, first.published_at)
    assert everything_in(settings.serving) == before


@pytest.mark.parametrize(
    "change",
    [
        "update marts.tiers set spend = spend + 0.01 where customer_id = 'c000000'",
        "update marts.tiers set note = null where note = ''",
        "insert into marts.tiers select * from marts.tiers where customer_id = 'c000000'",
        "update marts.tiers set share = spend, spend = share",
        "update marts.tiers set is_new = not is_new where customer_id in ('c000000', 'c007919')",
    ],
)
def test_any_changed_row_is_published(change: str, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    with connect(settings) as c:
        c.execute(change)
    assert not publish(settings, "run-2", AS_OF, contracts(tmp_path)).unchanged


def test_another_date_contract_version_or_description_is_published(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    assert not publish(settings, "run-2", date(2018, 1, 1), contracts(tmp_path)).unchanged
    assert not publish(settings, "run-3", date(2018, 1, 1), contracts(tmp_path, version="1.3.0")).unchanged
    described = COLUMNS.replace("who's who", "the customer") % ""
    assert not publish(
        settings, "run-4", date(2018, 1, 1), contracts(tmp_path, version="1.3.0", columns=described)
    ).unchanged


@pytest.mark.parametrize("damaged", ["marts.duckdb", "parquet/current/tiers.parquet"])
def test_a_damaged_served_file_is_published_anew(damaged: str, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    first = publish_night(settings, 1)
    path = settings.serving / damaged
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    again = publish(settings, "run-1b", AS_OF, contracts(tmp_path))
    assert (again.unchanged, again.version > first.version) == (False, True)
    assert query(settings.serving / "marts.duckdb", "select count(*) from tiers") == [(41,)]


def test_only_the_last_versions_are_kept(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, keep_versions=2)
    for night in range(1, 5):
        publish_night(settings, night)
        assert_tidy(settings)
    assert [(v.run_id, v.is_current) for v in versions(settings)] == [("run-4", True), ("run-3", False)]
    assert versions(settings)[1].row_counts["tiers"] == 43


def test_a_clock_set_back_keeps_versions_in_order(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    old = next((settings.serving / "versions").iterdir())
    old.rename(old.with_name(old.name.replace(old.name[:4], "2999", 1)))
    assert publish_night(settings, 2).version < "2999"  # its own time, and still the newest
    assert versions(settings)[0].run_id == "run-2"


def test_leftovers_of_every_kind_are_cleared_and_foreign_files_kept(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    serving = settings.serving
    stamp = "20170101T000000_000000Z-dead"
    for folder in (f".building-{stamp}/parquet", ".building-spill", f".removing-{stamp}", f"parquet/{stamp}"):
        (serving / folder).mkdir(parents=True)
        (serving / folder / "half").write_text("half")
    (serving / f".swap-{stamp}").write_text("half")
    (serving / f"parquet/.current-{stamp}").symlink_to("nowhere")
    (serving / ".building-file").write_text("a file")
    foreign = serving / "parquet" / "README"
    foreign.write_text("ours")
    publish_night(settings, 2)
    assert foreign.read_text() == "ours"
    foreign.unlink()
    assert_tidy(settings)

"""A small warehouse whose nights can be told apart: in night N every row of every mart says N."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from datetime import date
from pathlib import Path

import duckdb

from pipelines.contracts import MartContract, read_mart_contract
from pipelines.publish import Published, current, publish
from pipelines.publish.catalog import damage, read_manifest
from pipelines.quoting import ident, literal
from pipelines.settings import Settings

AS_OF = date(2017, 12, 31)
ODD = 'odd "mart"; drop table tiers --'
TABLES = ("tiers", "empty_mart", ODD)

HEAD = """
apiVersion: v3.1.0
kind: DataContract
id: urn:mainstay:mart:{id}
name: {id}
version: {version}
status: active
domain: tiers
schema:
  - name: {name}
    physicalType: table
    description: Customers' tiers; it's "quoted".
    dataGranularityDescription: One row per customer and month.
    properties:
"""
COLUMNS = """
      - {name: customer_id, physicalType: VARCHAR, primaryKey: true, description: "who's who"}
      - {name: month, physicalType: DATE, primaryKey: true, primaryKeyPosition: 2}
      - {name: night, physicalType: INTEGER, required: true}
      - {name: spend, physicalType: "DECIMAL(18,2)"}
      - {name: share, physicalType: DOUBLE}
      - {name: assessed_at, physicalType: TIMESTAMP}
      - {name: is_new, physicalType: BOOLEAN}
      - {name: select, physicalType: BIGINT}
      - {name: note, physicalType: VARCHAR%s}
"""


def contract(
    folder: Path, name: str, *, version: str = "1.2.0", extra: str = "", columns: str = COLUMNS % ""
) -> MartContract:
    folder.mkdir(parents=True, exist_ok=True)
    id_ = "".join(c for c in name if c.isalpha())
    path = folder / f"{id_}.odcs.yaml"
    quoted = "'" + name.replace("'", "''") + "'"
    path.write_text(HEAD.format(id=id_, name=quoted, version=version) + columns + extra, encoding="utf-8")
    return read_mart_contract(path)


def contracts(home: Path, **options: str) -> dict[str, MartContract]:
    return {name: contract(home / "contracts", name, **options) for name in TABLES}


def settings_in(home: Path, **options: object) -> Settings:
    return Settings(home=home, lock_timeout_seconds=0, **options)  # type: ignore[arg-type]


def build_warehouse(settings: Settings, night: int, *, rows: int = 40, reverse: bool = False) -> None:
    """What the steps before leave: marts of `rows + night` rows, in another order than the key's."""
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    order = "desc" if reverse else "asc"
    with duckdb.connect(str(settings.warehouse)) as c:
        c.execute("create schema if not exists marts")
        for name in TABLES:
            count = 0 if name == "empty_mart" else rows + night
            c.execute(
                f"""create or replace table marts.{ident(name)} as
                select
                    'c' || lpad(((i * 7919) % 100003)::varchar, 6, '0') as customer_id,
                    date '2017-12-01' as month,
                    {night}::integer as night,
                    (i * 1.37)::decimal(18, 2) as spend,
                    i / 3.0::double as share,
                    timestamp '2017-12-31 23:59:59.123456' as assessed_at,
                    i % 2 = 0 as is_new,
                    i::bigint as "select",
                    case i % 5
                        when 0 then null
                        when 1 then '钻石 ''"; drop'
                        when 2 then ''
                        when 3 then chr(10) || ',"'
                        else 'x'
                    end as note
                from range({count}) as r(i) order by i {order}"""
            )


def publish_night(settings: Settings, night: int, **options: object) -> Published:
    build_warehouse(settings, night)
    return publish(settings, f"run-{night}", AS_OF, contracts(settings.home), **options)  # type: ignore[arg-type]


def served_night(path: Path) -> int:
    """Which night a file is, after checking that it is one whole night and nothing else."""
    with duckdb.connect() as c:
        c.execute(f"attach {literal(str(path))} as s (read_only)")
        return _night_in(c)


def _night_in(c: duckdb.DuckDBPyConnection) -> int:
    info = {
        r[0]: r[1:] for r in c.execute("select table_name, row_count, run_id from s.main._publish").fetchall()
    }
    assert set(info) == set(TABLES)
    assert len({run for _, run in info.values()}) == 1
    night = int(next(iter(info.values()))[1].removeprefix("run-"))
    found = {
        r[0] for r in c.execute("select table_name from duckdb_tables() where database_name = 's'").fetchall()
    }
    assert found == {*TABLES, "_publish"}
    for name in TABLES:
        count, wrong = c.execute(
            f"select count(*), count(*) filter (night <> {night}) from s.main.{ident(name)}"
        ).fetchall()[0]
        assert (count, wrong) == (info[name][0], 0), (name, count, wrong, info[name])
        assert count == (0 if name == "empty_mart" else 40 + night)
    return night


def parquet_night(settings: Settings) -> int:
    """Which night the Parquet pointer leads to."""
    folder = (settings.serving / "parquet" / "current").resolve()
    with duckdb.connect() as c:
        rows = c.execute(
            f"select distinct night from read_parquet({literal(str(folder / 'tiers.parquet'))})"
        ).fetchall()
        info = c.execute(
            f"select distinct run_id from read_parquet({literal(str(folder / '_publish.parquet'))})"
        ).fetchall()
    assert len(rows) == len(info) == 1
    assert info[0][0] == f"run-{rows[0][0]}"
    return int(rows[0][0])


def assert_tidy(settings: Settings) -> None:
    """Served file, pointer and versions agree, all bytes are as the manifests say, nothing else is there."""
    live = current(settings)
    assert live is not None
    serving = settings.serving
    assert {p.name for p in serving.iterdir()} == {"marts.duckdb", "parquet", "versions"}
    kept = {p.name for p in (serving / "versions").iterdir()}
    assert live.version in kept
    assert {p.name for p in (serving / "parquet").iterdir()} == {*kept, "current"}
    assert str((serving / "parquet" / "current").readlink()) == live.version
    for version in kept:
        folder = serving / "versions" / version
        assert {p.name for p in folder.iterdir()} == {"marts.duckdb", "manifest.json"}
        assert damage(settings, read_manifest(folder), folder / "marts.duckdb") is None
    assert (serving / "marts.duckdb").samefile(serving / "versions" / live.version / "marts.duckdb")
    assert (serving / "marts.duckdb").stat().st_mode & 0o222 == 0
    assert not list(serving.rglob("*.wal*"))


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, with this module importable."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def leave_stale_log(path: Path, storage: str) -> None:
    """Leave beside `path` a killed writer's log, of another file of the same name and tables."""
    workshop = path.parent.parent / "workshop"
    workshop.mkdir(exist_ok=True)
    result = run_python(
        """
        import duckdb, os, signal, sys
        path, storage, served = sys.argv[1:]
        c = duckdb.connect()
        c.execute(f"attach '{served}' as served (read_only)")
        c.execute(f"attach '{path}' as s (storage_version '{storage}')")
        c.execute("create table s.main.tiers as select * from served.tiers limit 0")
        c.execute("checkpoint s"); c.execute("set wal_autocheckpoint = '1GB'")
        evil = "select * replace (667::integer as night) from served.tiers limit 1"
        c.execute(f"insert into s.main.tiers {evil}")
        c.execute("create table s.main.evil as select 1 as a")
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        workshop / path.name,
        storage,
        path,
    )
    assert result.returncode == -9, result.stderr
    log = workshop / f"{path.name}.wal"
    assert log.stat().st_size > 0
    log.rename(path.with_name(log.name))
    (workshop / path.name).unlink()
    workshop.rmdir()


def everything_in(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.lstat().st_ino, p.lstat().st_mtime_ns) for p in folder.rglob("*")}

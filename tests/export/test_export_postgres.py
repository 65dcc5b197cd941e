"""What stands in PostgreSQL after an export: the served night, with types, comments, keys and rights, and nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from export_world import columns_of, deployment, nights_in, nights_of, publish_night, served, version

from pipelines.contracts import mart_contracts
from pipelines.export import export_postgres, state_of_postgres
from pipelines.publish import rollback
from pipelines.settings import PROJECT_DIR, Settings
from tests.docs.snippets import blocks
from tests.postgres_server import Server

TYPES = {
    "VARCHAR": "text",
    "BOOLEAN": "boolean",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIMESTAMP": "timestamp with time zone",
}


def quiet(text: str) -> None:
    del text


def as_moments(row: tuple[Any, ...]) -> str:
    """A row's values to the last digit; timestamps with a zone as the moment that they are."""
    return repr([v.astimezone(UTC).isoformat() if isinstance(v, datetime) else v for v in row])


@pytest.fixture(scope="module")
def exported(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Server, Settings]:
    """A night that is exported; tests of it change nothing."""
    server.empty()
    # Whatever the server takes for local: a mart's timestamps are UTC.
    server.run("ALTER DATABASE bi SET timezone = 'Asia/Shanghai'")
    settings = deployment(tmp_path_factory.mktemp("exported"), server)
    publish_night(settings, 1, mart_contracts())
    result = export_postgres(settings, quiet)
    assert (result.tables, result.unchanged) == (len(mart_contracts()) + 1, False)
    assert (
        result.rows
        == sum(n for (n,) in served(settings, "select row_count from _publish")) + result.tables - 1
    )
    return server, settings


def test_every_row_and_value_is_the_serving_files(exported: tuple[Server, Settings]) -> None:
    server, settings = exported
    with server.connect() as connection:
        for name, contract in mart_contracts().items():
            key = ", ".join(f'"{k}"' for k in contract.key)
            query = f"select {columns_of(contract)} from %s order by {key}"
            ours = served(settings, query % f'"{name}"')
            theirs = connection.execute(query % f'mainstay."{name}"').fetchall()
            assert len(ours) > 20
            assert sorted(map(as_moments, theirs)) == sorted(map(as_moments, ours)), name


def test_types_comments_and_keys_are_the_contracts(exported: tuple[Server, Settings]) -> None:
    server, settings = exported
    found = server.rows(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, col_description(c.oid, a.attnum) "
        "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
        "WHERE c.relnamespace = 'mainstay'::regnamespace AND c.relkind = 'r' ORDER BY c.relname, a.attnum"
    )
    expected = []
    for name, contract in sorted(mart_contracts().items()):
        for c in contract.columns:
            type_ = TYPES.get(c.type) or re.sub("DECIMAL", "numeric", c.type)
            is_given = c.required or c.name in contract.key
            expected.append((name, c.name, type_, is_given, c.description or None))
    assert [row for row in found if row[0] != "_publish"] == expected

    comments = dict(
        server.rows(
            "SELECT relname, obj_description(oid) FROM pg_class WHERE relnamespace = 'mainstay'::regnamespace"
        )
    )
    ours = dict(served(settings, "select table_name, comment from duckdb_tables() where database_name = 's'"))
    assert {name: comments[name] for name in ours} == ours
    assert all(ours.values())
    assert ours["dim_customers"].startswith(mart_contracts()["dim_customers"].grain)

    keys = server.rows(
        "SELECT t.relname, array_agg(a.attname::text ORDER BY k.place), max(c.conname) FROM pg_constraint c "
        "JOIN pg_class t ON t.oid = c.conrelid, unnest(c.conkey) WITH ORDINALITY AS k(attnum, place), pg_attribute a "
        "WHERE c.contype = 'p' AND c.connamespace = 'mainstay'::regnamespace AND a.attrelid = t.oid AND a.attnum = k.attnum "
        "GROUP BY t.relname"
    )
    wanted = {name: list(contract.key) for name, contract in mart_contracts().items()} | {
        "_publish": ["table_name"]
    }
    assert {table: key for table, key, _ in keys} == wanted
    assert all(constraint == f"{table}_pkey" for table, _, constraint in keys)


def test_the_schema_says_which_night_it_is(exported: tuple[Server, Settings]) -> None:
    server, settings = exported
    ((comment,),) = server.rows("SELECT obj_description('mainstay'::regnamespace, 'pg_namespace')")
    for word in ("Mainstay's marts as of 2017-12-31", version(settings), "run-1", "mainstay_reader"):
        assert word in comment
    assert server.rows("SELECT DISTINCT version, run_id, as_of_date::text FROM mainstay._publish") == [
        (version(settings), "run-1", "2017-12-31")
    ]
    assert state_of_postgres(settings)["version"] == version(settings)
    names = {
        name
        for (name,) in server.rows(
            "SELECT relname FROM pg_class WHERE relnamespace = 'mainstay'::regnamespace"
        )
    }
    assert not [name for name in names if name.startswith("__")], "something of the building is left"


def test_members_of_the_role_read_the_marts_and_can_do_nothing_else(
    exported: tuple[Server, Settings],
) -> None:
    server, _ = exported
    server.run("CREATE SCHEMA IF NOT EXISTS payroll", "CREATE TABLE IF NOT EXISTS payroll.salaries (a int)")
    for sql in ("SELECT * FROM mainstay.dim_tiers", "SELECT * FROM mainstay._publish"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            server.rows(sql, user="analyst")
    server.run("GRANT mainstay_reader TO analyst")
    assert server.rows("SELECT count(*) > 20 FROM mainstay.dim_tiers", user="analyst") == [(True,)]
    assert len(nights_in(server, user="analyst")) == 1
    for sql in (
        "SELECT * FROM payroll.salaries",
        "DELETE FROM mainstay.dim_tiers",
        "UPDATE mainstay.dim_tiers SET tier = 'x'",
        "INSERT INTO mainstay.dim_tiers DEFAULT VALUES",
        "TRUNCATE mainstay.dim_tiers",
        "DROP TABLE mainstay.dim_tiers",
        "CREATE TABLE mainstay.mine (a int)",
        "CREATE SCHEMA mine",
        "BEGIN; LOCK TABLE mainstay.dim_tiers IN ACCESS EXCLUSIVE MODE",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            server.run(sql, user="analyst")
    assert server.rows("SELECT rolcanlogin, rolsuper FROM pg_roles WHERE rolname = 'mainstay_reader'") == [
        (False, False)
    ]


def test_the_next_night_takes_the_place_of_the_old_and_a_rollback_is_followed(
    postgres: Server, tmp_path: Path
) -> None:
    settings = deployment(tmp_path, postgres)
    publish_night(settings, 1)
    export_postgres(settings, quiet)
    publish_night(settings, 2)
    assert nights_in(postgres) == {1}
    assert not export_postgres(settings, quiet, only_if_needed=True).unchanged
    assert nights_in(postgres) == {2}
    before = postgres.rows("SELECT 'mainstay.dim_tiers'::regclass::oid")
    assert export_postgres(settings, quiet, only_if_needed=True).unchanged
    assert postgres.rows("SELECT 'mainstay.dim_tiers'::regclass::oid") == before

    rollback(settings)
    export_postgres(settings, quiet, only_if_needed=True)
    assert nights_in(postgres) == {1}
    assert postgres.rows("SELECT count(*) FROM pg_class WHERE relname LIKE '\\_\\_%'") == [(0,)]


def test_views_of_others_go_over_to_the_new_night_with_their_rights(postgres: Server, tmp_path: Path) -> None:
    settings = deployment(tmp_path, postgres)
    publish_night(settings, 1)
    export_postgres(settings, quiet)
    postgres.run(
        "CREATE SCHEMA work",
        "GRANT USAGE ON SCHEMA work TO analyst",
        "CREATE VIEW work.sizes WITH (security_barrier=true) AS SELECT count(*) AS n FROM mainstay.dim_customers",
        "CREATE VIEW work.on_top AS SELECT n + 0 AS n FROM work.sizes",
        "CREATE VIEW mainstay.inside AS SELECT count(*) AS n FROM mainstay.dim_customers",
        "GRANT SELECT ON work.on_top TO analyst",
        "COMMENT ON VIEW work.sizes IS 'kept'",
        "ALTER VIEW work.sizes OWNER TO mainstay",
        "GRANT USAGE, CREATE ON SCHEMA work TO mainstay",
        "ALTER VIEW mainstay.inside OWNER TO mainstay",
    )
    before = postgres.rows("SELECT n FROM work.on_top", user="analyst")
    publish_night(settings, 2)
    assert export_postgres(settings, quiet).views_carried_over == 2
    assert postgres.rows("SELECT n FROM work.on_top", user="analyst") == [(before[0][0] + 1,)]
    assert postgres.rows("SELECT n FROM mainstay.inside") == [(before[0][0] + 1,)]
    assert postgres.rows(
        "SELECT obj_description('work.sizes'::regclass), reloptions FROM pg_class WHERE oid = 'work.sizes'::regclass"
    ) == [("kept", ["security_barrier=true"])]


def test_the_guide_sets_up_all_that_is_needed(postgres: Server, tmp_path: Path) -> None:
    guide = PROJECT_DIR / "docs" / "postgresql.md"
    sql = dict(blocks(guide, "sql"))
    postgres.run("DROP DATABASE bi", "DROP ROLE mainstay", database="postgres")
    for statement in sql["an account, a database, the readers' role"].strip().split("\n"):
        postgres.run(statement, database="postgres")
    settings = deployment(tmp_path, postgres, postgres_url=postgres.url(password="choose one"))
    publish_night(settings, 1)
    export_postgres(settings, quiet)
    for statement in sql["a reader"].strip().split("\n"):
        postgres.run(statement)
    with psycopg.connect(postgres.url("tableau", "choose another"), autocommit=True) as reader:
        assert nights_of(reader) == {1}
        night, comment = (
            reader.execute(line.strip()).fetchall()[0] for line in sql["which night"].strip().split("\n")
        )
    assert str(night[0]) in comment[0]

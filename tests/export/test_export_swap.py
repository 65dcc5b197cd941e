"""The swap: killed, held up or watched, readers of the schema see one whole night, and the next export completes."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from export_world import deployment, nights_in, nights_of, publish_night, start_export, version

from pipelines.errors import ExportError, LockedError
from pipelines.export import export_postgres
from pipelines.settings import Settings
from tests.postgres_server import Server
from tests.shortening import only

OURS = "SELECT count(*) FROM pg_class WHERE relname LIKE '\\_\\_%'"


def quiet(text: str) -> None:
    del text


@pytest.fixture(scope="module")
def original(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A deployment that has published night 2, and a database `one_night` with night 1, to be copied."""
    server.empty()
    home = tmp_path_factory.mktemp("original") / "home"
    settings = deployment(home, server)
    publish_night(settings, 1)
    export_postgres(settings, quiet)
    publish_night(settings, 2)
    server.run("ALTER DATABASE bi RENAME TO one_night", database="postgres")
    yield home
    server.run("DROP DATABASE one_night WITH (FORCE)", database="postgres")


@pytest.fixture
def postgres(original: Path, server: Server) -> Server:
    """Night 1 is exported."""
    del original
    server.run("DROP DATABASE IF EXISTS bi WITH (FORCE)", database="postgres")
    server.run("CREATE DATABASE bi TEMPLATE one_night OWNER mainstay", database="postgres")
    return server


@pytest.fixture
def two_nights(original: Path, postgres: Server, tmp_path: Path) -> Settings:
    """Night 1 is exported, and night 2 is published."""
    shutil.copytree(original, tmp_path / "home", symlinks=True)
    return deployment(tmp_path / "home", postgres)


@pytest.mark.parametrize(
    "moment", only(["export begun", "exported loyalty_matrix", "swapped in postgres"], "swapped in postgres")
)
def test_a_kill_leaves_the_old_night_and_the_next_export_completes(
    moment: str, two_nights: Settings, postgres: Server
) -> None:
    with start_export(two_nights, KILL_AT=moment) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == -9, said
    assert f"at {moment}" in said
    assert nights_in(postgres) == {1}
    export_postgres(two_nights, quiet)
    assert nights_in(postgres) == {2}
    assert postgres.rows(OURS) == [(0,)]
    assert {
        name for (name,) in postgres.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'main%'")
    } == {"mainstay"}


@pytest.mark.soak
def test_a_server_that_ends_the_connection_leaves_the_old_night(
    two_nights: Settings, postgres: Server
) -> None:
    with start_export(two_nights, WAIT_AT="exported loyalty_matrix") as process:
        assert process.stdout is not None
        while (line := process.stdout.readline()) != "at exported loyalty_matrix\n":
            assert line
        postgres.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mainstay export'"
        )
        said, _ = process.communicate("\n", timeout=60)
    assert process.returncode == 1
    assert "ExportError: PostgreSQL 127.0.0.1" in said
    assert nights_in(postgres) == {1}
    assert postgres.rows(OURS) == [(0,)]


def test_readers_see_one_night_at_any_moment_of_two_exports(two_nights: Settings, postgres: Server) -> None:
    seen: list[set[int]] = []
    ended = threading.Event()
    failed: list[Exception] = []

    def read() -> None:
        try:
            while not ended.is_set():
                seen.append(nights_in(postgres))
        except Exception as error:  # noqa: BLE001 - the test tells it
            failed.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        export_postgres(two_nights, quiet)
        publish_night(two_nights, 3)
        export_postgres(two_nights, quiet)
    finally:
        ended.set()
        for reader in readers:
            reader.join()
    assert failed == []
    assert all(len(nights) == 1 for nights in seen), seen
    assert {1, 2} <= set().union(*seen, nights_in(postgres)) <= {1, 2, 3}


@pytest.mark.parametrize("level", only(["READ COMMITTED", "REPEATABLE READ"], "REPEATABLE READ"))
def test_a_transaction_that_has_begun_to_read_is_waited_for_and_one_that_has_not_sees_the_new_night(
    level: str, two_nights: Settings, postgres: Server
) -> None:
    told: list[str] = []
    with postgres.connect() as early, postgres.connect() as late:
        for connection, sql in ((early, "SELECT count(*) FROM mainstay.dim_tiers"), (late, "SELECT 1")):
            connection.execute(f"BEGIN ISOLATION LEVEL {level}")
            connection.execute(sql)
        waiting = threading.Event()

        def say(text: str) -> None:
            told.append(text)
            if text.startswith("waiting"):
                waiting.set()

        exporting = threading.Thread(target=export_postgres, args=(two_nights, say))
        exporting.start()
        assert waiting.wait(30), told
        assert nights_of(early) == {1}
        early.execute("COMMIT")
        exporting.join()
        assert nights_of(late) == {2}
    assert any("waiting for readers of the old night: pid" in text for text in told)


def test_a_reader_that_does_not_let_go_is_named_and_keeps_its_night(
    two_nights: Settings, postgres: Server
) -> None:
    impatient = two_nights.model_copy(update={"lock_timeout_seconds": 0.0})
    with postgres.connect() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM mainstay.dim_tiers")
        with pytest.raises(
            ExportError, match=rf"still being read .* by pid {reader.info.backend_pid} .*pg_terminate_backend"
        ):
            export_postgres(impatient, quiet)
        assert nights_of(reader) == {1}


@pytest.mark.soak
def test_two_exports_take_turns_and_the_last_one_has_what_is_served_then(
    two_nights: Settings, postgres: Server
) -> None:
    with start_export(two_nights, WAIT_AT="exported loyalty_matrix") as first:
        assert first.stdout is not None
        while (line := first.stdout.readline()) != "at exported loyalty_matrix\n":
            assert line
        with pytest.raises(LockedError, match="another export writes to the schema mainstay"):
            export_postgres(two_nights.model_copy(update={"lock_timeout_seconds": 0.1}), quiet)
        with start_export(two_nights) as second:
            assert second.stdout is not None
            assert second.stdout.readline() == "said waiting for another export to the same schema\n"
            publish_night(two_nights, 3)
            first.communicate("\n", timeout=60)
            second.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert nights_in(postgres) == {3}
    assert postgres.rows("SELECT DISTINCT version FROM mainstay._publish") == [(version(two_nights),)]


def test_fewer_rows_than_were_published_are_not_swapped_in(
    two_nights: Settings, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.export import copying

    whole = copying._lines

    def fewer(*arguments: object) -> object:
        for lines in whole(*arguments):  # type: ignore[arg-type]
            yield lines[: lines.rindex("\n", 0, -1) + 1]

    monkeypatch.setattr(copying, "_lines", fewer)
    with pytest.raises(ExportError, match=r"_publish: 4 rows arrived in PostgreSQL, and 5 are served"):
        export_postgres(two_nights, quiet)
    assert nights_in(postgres) == {1}


def test_values_that_postgres_cannot_hold_and_keys_that_do_not_hold_are_refused_without_their_rows(
    two_nights: Settings, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.export import copying

    whole = copying._lines
    monkeypatch.setattr(
        copying, "_lines", lambda *given: (lines.replace("k0", "k\0") for lines in whole(*given))
    )
    with pytest.raises(
        ExportError, match="care_schedule cannot be written to PostgreSQL: invalid byte sequence"
    ) as refused:
        export_postgres(two_nights, quiet)
    assert "line 1" not in str(refused.value)

    def doubled(*given: object) -> object:
        for lines in whole(*given):  # type: ignore[arg-type]
            first = lines[: lines.index("\n") + 1]
            yield first + first + lines[len(first) : lines.rindex("\n", 0, -1) + 1]

    monkeypatch.setattr(copying, "_lines", doubled)
    with pytest.raises(ExportError, match="could not create unique index") as refused:
        export_postgres(two_nights, quiet)
    assert "k0" not in str(refused.value)
    assert nights_in(postgres) == {1}


def test_a_view_that_does_not_fit_and_what_keeps_rows_hold_the_night_up_and_are_named(
    two_nights: Settings, postgres: Server
) -> None:
    postgres.run("CREATE SCHEMA work", "CREATE VIEW work.theirs AS SELECT tier FROM mainstay.dim_tiers")
    with pytest.raises(
        ExportError,
        match=r"view work.theirs cannot be carried over .* permission denied for schema work.* member of the role",
    ):
        export_postgres(two_nights, quiet)
    postgres.run(
        "DROP VIEW work.theirs", "CREATE MATERIALIZED VIEW work.kept AS SELECT tier FROM mainstay.dim_tiers"
    )
    with pytest.raises(ExportError, match=r"work.kept rest on the marts"):
        export_postgres(two_nights, quiet)
    postgres.run("DROP MATERIALIZED VIEW work.kept", "CREATE TABLE work.t (tier text, valid_from date)")
    postgres.run("ALTER TABLE work.t ADD FOREIGN KEY (tier, valid_from) REFERENCES mainstay.dim_tiers")
    with pytest.raises(
        ExportError, match=r"cannot drop .*constraint t_tier_valid_from_fkey on table work.t depends"
    ):
        export_postgres(two_nights, quiet)
    assert nights_in(postgres) == {1}
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        postgres.run("INSERT INTO work.t VALUES ('x', '2000-01-01')")

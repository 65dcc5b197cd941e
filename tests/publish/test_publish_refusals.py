"""What is refused, in one clear sentence, and that refusing changes nothing that BI sees."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from publishing_world import (
    AS_OF,
    COLUMNS,
    assert_tidy,
    build_warehouse,
    contract,
    contracts,
    everything_in,
    publish_night,
    run_python,
    served_night,
    settings_in,
)
from shortening import only

from pipelines.errors import LockedError, PublishError, StorageError, ValidationFailedError
from pipelines.publish import files, publish
from pipelines.settings import Settings
from pipelines.warehouse.connection import connect


def refused(settings: Settings, error: type[Exception], match: str, publish_it: Callable[[], object]) -> None:
    """Publishing raises, and every file of the serving folder is the one that it was."""
    serving = settings.serving
    before = everything_in(serving)
    with pytest.raises(error, match=match):
        publish_it()
    after = everything_in(serving)
    folders = {str(serving / name) for name in ("parquet", "versions")}
    assert set(after) == set(before)
    assert {k: v for k, v in after.items() if k not in folders} == {
        k: v for k, v in before.items() if k not in folders
    }


def test_a_failed_outside_audit_leaves_the_old_night(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    seen: list[int] = []

    def expectations(path: Path) -> None:
        seen.append(served_night(path))
        raise ValidationFailedError("suite serving: 1 of 9 expectations failed")

    refused(settings, ValidationFailedError, "1 of 9", lambda: publish_night(settings, 2, audit=expectations))
    assert seen == [2]
    assert served_night(settings.serving / "marts.duckdb") == 1


def test_an_outside_audit_that_writes_is_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)

    def scribble(path: Path) -> None:
        path.chmod(0o644)
        with duckdb.connect(str(path)) as c:
            c.execute("create table note as select 1 as a")

    refused(
        settings,
        PublishError,
        "the audit wrote into the file",
        lambda: publish_night(settings, 2, audit=scribble),
    )


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        ("delete from tiers where customer_id = 'c000000'", r"serving table tiers: 41 rows, expected 42"),
        (
            "update tiers set spend = 0 where customer_id = 'c007919'",
            r"serving table tiers: its 42 rows are not",
        ),
        ("alter table tiers drop column note", r"serving table tiers: the columns .* note is missing"),
        ("create table extra as select 1 as a", r"tables .*extra.*, expected"),
        ("update _publish set run_id = 'other'", r"_publish holds"),
    ],
)
def test_a_file_that_is_not_the_warehouses_marts_fails_its_audit(
    tamper: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)

    def at_built(name: str) -> None:
        if name == "built":
            (path,) = settings.serving.glob(".building-*/marts.duckdb")
            path.chmod(0o644)
            with duckdb.connect(str(path)) as c:
                c.execute(tamper)

    monkeypatch.setattr(files, "crash_point", at_built)
    refused(settings, PublishError, message, lambda: publish_night(settings, 2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("drop table marts.tiers", r"the warehouse has no table marts\.tiers; run the step `build`"),
        ("alter table marts.tiers drop column note", r"marts\.tiers: the columns .*note is missing"),
        (
            "alter table marts.tiers add column phone varchar",
            r"marts\.tiers: the columns .*phone is not in the contract",
        ),
        ("alter table marts.tiers alter spend type double", r"spend is DOUBLE, expected DECIMAL\(18,2\)"),
        (
            "update marts.tiers set night = null where customer_id = 'c000000'",
            r"NOT NULL constraint failed.*night",
        ),
    ],
)
def test_marts_that_break_their_contract_are_refused(change: str, message: str, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    build_warehouse(settings, 2)
    with connect(settings) as c:
        c.execute(change)
    refused(settings, PublishError, message, lambda: publish(settings, "run-2", AS_OF, contracts(tmp_path)))


def test_personal_data_no_contract_and_unusable_names_are_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    personal = contracts(tmp_path, columns=COLUMNS % ", classification: pii")
    refused(
        settings, PublishError, r"note is classified pii", lambda: publish(settings, "run-2", AS_OF, personal)
    )
    refused(settings, PublishError, "nothing to publish", lambda: publish(settings, "run-2", AS_OF, {}))
    for name in ("../tiers", "_publish", ".hidden"):
        hostile = {name: contract(tmp_path / "hostile", name)}
        refused(
            settings,
            PublishError,
            "cannot be a published table's name",
            lambda h=hostile: publish(settings, "r", AS_OF, h),
        )
    with duckdb.connect(str(settings.warehouse)) as warehouse:
        warehouse.execute("create schema restricted; create table restricted.contacts as from marts.tiers")
    for name in ("contacts", "restricted.contacts", 'restricted"."contacts'):
        other = contracts(tmp_path) | {name: contract(tmp_path / "other", name)}
        refused(settings, PublishError, "contacts", lambda o=other: publish(settings, "r", AS_OF, o))
    twice = {"a": contract(tmp_path / "a", "tiers"), "b": contract(tmp_path / "b", "TIERS")}
    refused(
        settings, PublishError, "by another contract already", lambda: publish(settings, "r", AS_OF, twice)
    )


def test_a_missing_warehouse_is_named(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with pytest.raises(PublishError, match=r"mainstay\.duckdb: there is no warehouse"):
        publish(settings, "run-1", AS_OF, contracts(tmp_path))


def test_a_file_in_the_place_of_the_serving_folder_is_named(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    build_warehouse(settings, 1)
    settings.serving.write_text("not a folder")
    with pytest.raises(StorageError, match=r"publishing cannot write there.*check the folder"):
        publish(settings, "run-1", AS_OF, contracts(tmp_path))
    assert settings.serving.read_text() == "not a folder"


FULL = """
import resource, sys
from pathlib import Path
from publishing_world import AS_OF, contracts, settings_in
from pipelines.errors import StorageError
from pipelines.publish import publish

home, limit = Path(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))  # writes beyond it fail, as on a full disk
try:
    publish(settings_in(home), "run-2", AS_OF, contracts(home))
except StorageError as error:
    sys.exit(f"refused: {error}")
"""


@pytest.mark.parametrize("limit", only([4096 * 3, 262144, 524288], 262144))
def test_a_disk_that_fills_up_leaves_the_old_night_and_no_leftovers(limit: int, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    build_warehouse(settings, 2)
    before = everything_in(settings.serving)
    result = run_python(FULL, tmp_path, limit)
    assert result.returncode == 1
    assert result.stderr.startswith("refused: "), result.stderr
    assert "what BI reads is still one whole night" in result.stderr
    assert set(everything_in(settings.serving)) == set(before)
    assert served_night(settings.serving / "marts.duckdb") == 1
    assert_tidy(settings)


HOLD = """
import sys, duckdb
c = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(path: Path) -> Iterator[None]:
    """A process that has a DuckDB file open for writing, as long as the context lasts."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield
        process.communicate()


def test_a_warehouse_that_is_being_written_is_not_published(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    build_warehouse(settings, 2)
    with holding(settings.warehouse):
        refused(
            settings,
            LockedError,
            "while another process writes",
            lambda: publish(settings, "r", AS_OF, contracts(tmp_path)),
        )


def test_one_publisher_at_a_time(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    with files.exclusive(settings.serving, 0):
        refused(
            settings, LockedError, "another process has been publishing", lambda: publish_night(settings, 2)
        )

"""BI at the moment of the swap: every open sees one whole night, and no stale log gets into a new one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from publishing_world import (
    assert_tidy,
    leave_stale_log,
    publish_night,
    run_python,
    served_night,
    settings_in,
)

from pipelines.errors import PublishError
from pipelines.publish import current, rollback

SHOW = """
import duckdb, sys
c = duckdb.connect(sys.argv[1], read_only=True)
print(c.execute("select min(night), max(night) from tiers").fetchall())
"""


@pytest.mark.parametrize(
    ("storage", "harm"), [("v1.0.0", "[(1, 667)]"), ("v1.5.0", "WAL does not match database file")]
)
def test_a_stale_log_is_poison_and_never_lies_beside_the_new_night(
    storage: str, harm: str, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    served = settings.serving / "marts.duckdb"
    leave_stale_log(served, storage)
    poisoned = run_python(SHOW, served)
    assert harm in poisoned.stdout + poisoned.stderr, "the log must do harm, or this test proves nothing"

    publish_night(settings, 2)
    assert run_python(SHOW, served).stdout == "[(2, 2)]\n"
    assert served_night(served) == 2
    assert_tidy(settings)


@pytest.mark.parametrize("again", ["publish", "rollback"])
def test_unchanged_marts_and_rollback_clear_a_stale_log_too(again: str, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    publish_night(settings, 2)
    leave_stale_log(settings.serving / "marts.duckdb", "v1.0.0")
    for name in ("marts.duckdb.wal.checkpoint", "marts.duckdb.wal.recovery"):
        (settings.serving / name).write_bytes(b"half a log")
    if again == "publish":
        assert publish_night(settings, 2).unchanged
    else:
        rollback(settings)
    assert served_night(settings.serving / "marts.duckdb") == (2 if again == "publish" else 1)
    assert_tidy(settings)


def test_publishing_is_refused_while_somebody_writes_the_served_file(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    served = settings.serving / "marts.duckdb"
    served.chmod(0o644)
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(served)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        with pytest.raises(PublishError, match="another process has the serving file open for writing"):
            publish_night(settings, 2)
        writer.communicate()
    served.chmod(0o444)
    assert served_night(served) == 1
    assert not publish_night(settings, 2).unchanged
    assert_tidy(settings)


def test_an_open_reader_keeps_the_old_night_and_new_ones_get_the_new(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, keep_versions=1)
    publish_night(settings, 1)
    served = settings.serving / "marts.duckdb"
    with duckdb.connect(str(served), read_only=True) as old:
        publish_night(settings, 2)  # also prunes night 1, whose bytes the reader still has
        assert old.execute("select distinct night from tiers").fetchall() == [(1,)]
        assert old.execute("select distinct run_id from _publish").fetchall() == [("run-1",)]
        assert run_python(SHOW, served).stdout == "[(2, 2)]\n"
        seen = current(settings)
        assert seen is not None
        assert seen.run_id == "run-2", "current() must not see this process's older connection"


READER = """
import json, os, sys, time
import duckdb

served, stop = sys.argv[1:]
nights, opens = [], 0
print("reading", flush=True)
while not os.path.exists(stop):
    with duckdb.connect(served, read_only=True) as c:
        info = c.execute("select table_name, row_count, run_id from _publish").fetchall()
        (run,) = {r[2] for r in info}
        night = int(run.removeprefix("run-"))
        for table, count, _ in info:
            name = '"' + table.replace('"', '""') + '"'
            found = c.execute(f"select count(*), count(*) filter (night <> {night}) from {name}").fetchone()
            assert found == (count, 0), (run, table, count, found)
        assert len(info) == 3 and ("tiers", 40 + night) in [r[:2] for r in info]
    opens += 1
    if not nights or nights[-1] != night:
        nights.append(night)
    time.sleep(0.01)
print(json.dumps([opens, nights]))
"""


def test_a_reader_that_opens_all_the_time_never_fails_and_never_sees_a_mixed_night(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, keep_versions=2)
    publish_night(settings, 1)
    served, stop = settings.serving / "marts.duckdb", tmp_path / "stop"
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(served), str(stop)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        try:
            for night in range(2, 10):
                publish_night(settings, night)
            rollback(settings)
        finally:
            stop.touch()
        out, err = reader.communicate(timeout=60)
    assert reader.returncode == 0, err
    opens, nights = json.loads(out)
    assert opens > 20
    assert nights[-1] in (8, 9)
    assert nights[:-1] == sorted(nights[:-1]), "an older night came back"
    assert len(nights) > 4

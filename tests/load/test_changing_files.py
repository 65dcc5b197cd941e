"""A landing file that changes while it is loaded: checksum and rows are of one content, or nothing is loaded."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from loading_world import GOOD, HEADER, World, counts

from pipelines.errors import LandingError
from pipelines.load import load_datasets, partitions, pending_files, reading
from pipelines.validate.landed import landed_select

GOOD_JSON = (
    '{"transaction_id": "t1", "line_number": 1, "customer_id": "c1", "transaction_at": "2017-03-01 10:00:00",'
    ' "net_amount": 9.99}\n'
)


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """A pipe that is waited for is a failure, not a test without an end."""

    def hangs(*_: object) -> None:
        raise TimeoutError("it waits for the pipe")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def replaced_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def gone(path: Path) -> None:
    path.unlink()


def of_the_same_size(path: Path) -> None:
    status = path.stat()
    path.write_bytes(path.read_bytes().replace(b"9.99", b"1.11"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES = [emptied, cut, replaced_by_a_pipe, gone, of_the_same_size]


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: c.__name__)
@pytest.mark.parametrize("way", ["quick", "careful", "gzip", "jsonl"])
def test_a_file_that_changes_between_look_and_load(
    world: World, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], way: str
) -> None:
    if way == "jsonl":
        world.server(path="transactions/{date}/*.jsonl", format="jsonl")
        path = world.land(GOOD_JSON, name="s.jsonl")
    else:
        path = world.rows(GOOD.format(1), *["bad"] * (way == "careful"))
    if way == "gzip":
        path.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    attempt = partitions._attempt

    def change_first(*arguments: object) -> object:
        change(path)
        return attempt(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(partitions, "_attempt", change_first)
    with pytest.raises(LandingError, match="while it was loaded, and nothing of it was kept") as caught:
        world.load()
    assert str(caught.value).startswith(f"{path}: refused: ")
    assert "\n" not in str(caught.value)
    assert world.raw("transaction_id") == []


def test_a_file_that_changes_there_and_back_is_not_loaded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = world.good(1, 2)
    one, other = path.read_bytes(), path.read_bytes().replace(b"9.99", b"1.11")
    read = reading._read_quickly

    def while_other(*arguments: object) -> None:
        read(*arguments)  # type: ignore[arg-type]
        path.write_bytes(other)
        status = path.stat()
        path.write_bytes(one)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    monkeypatch.setattr(reading, "_read_quickly", while_other)
    with pytest.raises(LandingError, match="found that it changed"):
        world.load()
    monkeypatch.undo()
    assert counts(world.load()) == (2, 2, 0, 0)


def test_a_loaded_file_that_has_become_a_pipe_is_refused_and_not_waited_for(world: World) -> None:
    path = world.good(1)
    world.load()
    replaced_by_a_pipe(path)
    assert [f.path for f in pending_files(world.settings, None, None)["transactions"]] == [path]
    with pytest.raises(LandingError, match="found no regular file"):
        load_datasets(world.settings, "again", None, None)


@pytest.mark.parametrize("change", [emptied, replaced_by_a_pipe, gone], ids=lambda c: c.__name__)
@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet"])
def test_what_is_validated_has_changed_since_the_look(
    world: World, tmp_path: Path, change: Callable[[Path], None], format_: str
) -> None:
    world.server(format=format_)
    path = world.good(1)
    change(path)
    with duckdb.connect() as connection:
        if change is emptied and format_ != "parquet":
            select = landed_select(connection, world.parsed, [path], tmp_path)
            assert connection.execute(select).fetchall() == []
        else:
            with pytest.raises(LandingError, match="cannot be read"):
                landed_select(connection, world.parsed, [path], tmp_path)


def test_a_folder_in_place_of_a_loaded_file(world: World) -> None:
    path = world.rows(GOOD.format(1), header=HEADER)
    world.load()
    path.unlink()
    path.mkdir()
    with pytest.raises(LandingError, match="found a folder"):
        world.load()
    shutil.rmtree(path)

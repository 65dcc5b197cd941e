"""What dbt made of the project is kept between runs: found again by the same project, never in place of another."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from deployments import create
from nights_world import sales

from pipelines import steps
from pipelines.settings import Settings
from pipelines.transform import parsed, variables
from pipelines.warehouse.stale import context_hash

DAY = date(2024, 5, 6)


class Manifest:
    """As much of dbt's as keeping it asks for."""

    def to_msgpack(self, encoder: object) -> bytes:
        return b"parsed" * 1000


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Settings, Path]:
    """A deployment, and its folder of parsed projects."""
    settings = create(tmp_path / "shop").settings
    folder = settings.var / "dbt" / "parsed"
    folder.mkdir(exist_ok=True)
    return settings, folder


@pytest.fixture(autouse=True)
def nothing_parsed_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsed, "_in_process", {})
    monkeypatch.delenv("TESTS_PARSED", raising=False)


@pytest.mark.soak
def test_what_was_kept_is_used_and_what_is_damaged_is_parsed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = create(tmp_path / "shop")
    shop.land("transactions", DAY, sales(DAY))
    shop.load()
    kept: list[str] = []
    keep = parsed.keep_parsed
    monkeypatch.setattr("pipelines.transform.run.keep_parsed", lambda *a: (kept.append(a[1]), keep(*a)))

    def stage() -> None:
        monkeypatch.setattr(parsed, "_in_process", {})  # as in another process
        steps.stage(shop.settings, "run", DAY)
        assert shop.query("select count(*) from staging.stg_transactions") == [(12,)]

    stage()
    stage()
    assert len(kept) == 1
    [file] = (shop.settings.var / "dbt" / "parsed").iterdir()
    for damage in (file.read_bytes()[:-1000], b"", b"\0" * 100_000):  # as a full disk leaves it, or a bad one
        file.write_bytes(damage)
        stage()
    assert kept == [kept[0]] * 4


def test_the_key_follows_what_dbt_reads_and_nothing_else(tmp_path: Path) -> None:
    def key(home: str, **settings: Any) -> str:
        deployment = create(tmp_path / home, **settings)
        return parsed.parse_key(
            deployment.settings, context_hash(deployment.settings, variables(deployment.settings))
        )

    first = key("first")
    assert key("second", keep_versions=2) == first
    assert key("third", grace_months=1) != first
    changed = create(tmp_path / "fourth").settings
    with (changed.policies / "tier_policy.csv").open("a", encoding="utf-8") as policy:
        policy.write("2030-01-01,ordinary,普通,Ordinary,1,0\n")
    assert parsed.parse_key(changed, context_hash(changed, variables(changed))) != first


def test_only_the_last_used_are_kept(kept: tuple[Settings, Path]) -> None:
    settings, folder = kept
    (folder / "killed.new").write_bytes(b"half")
    for n in range(12):
        parsed.keep_parsed(settings, f"{n:02}", Manifest())
    assert sorted(path.name for path in folder.iterdir()) == [f"{n:02}.msgpack" for n in range(4, 12)]


def test_two_runs_that_parse_at_once_do_not_lose_each_others_files(kept: tuple[Settings, Path]) -> None:
    """Each writes a file of its own, and bears that another takes one away that it has listed."""

    settings, folder = kept
    with ThreadPoolExecutor(8) as runs:
        # The same key as often as others, so that some write the same file and some take away what others look at.
        done = runs.map(
            lambda n: parsed.keep_parsed(settings, f"{n % 20 if n % 2 else 0:02}", Manifest()), range(400)
        )
        assert list(done) == [None] * 400
    parsed.keep_parsed(settings, "last", Manifest())
    left = [path.name for path in folder.iterdir()]
    assert "last.msgpack" in left
    assert len(left) <= 8
    assert all(name.endswith(".msgpack") for name in left)


def test_what_was_just_kept_stays_though_the_clock_was_set_back(kept: tuple[Settings, Path]) -> None:
    settings, folder = kept
    tomorrow = time.time() + 86_400
    for n in range(9):
        path = folder / f"{n}.msgpack"
        path.write_bytes(b"of a clock that was ahead")
        os.utime(path, (tomorrow + n, tomorrow + n))
    parsed.keep_parsed(settings, "new", Manifest())
    assert sorted(p.name for p in folder.iterdir()) == [*(f"{n}.msgpack" for n in range(2, 9)), "new.msgpack"]

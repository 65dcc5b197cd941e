"""SIGTERM during a write: a prompt end with code 143, nothing half done is seen, the same command goes on."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from deployments import Deployment, mainstay
from faults_world import (
    SECOND,
    Said,
    begin,
    is_free,
    leftovers,
    lose_a_parquet_file,
    processes_of,
    run,
    sales,
    says_one_thing,
    served,
)
from shortening import soak

IN_A_LOAD = """
from pipelines.load import reading
def account(load):
    print("reached", flush=True)
    load.connection.execute("select count(*) from range(100_000_000_000) t(i) where hash(i) % 7 = 3").fetchall()
reading.account = account
"""
"""Rows are in the open transaction, and DuckDB is at work."""
IN_A_BUILD = """
import pipelines.transform as transforming
transform = transforming.transform
def said(*arguments, on_node, **options):
    def heard(node):
        print("reached", flush=True)
        on_node(node)
    return transform(*arguments, on_node=heard, **options)
transforming.transform = said
"""
"""dbt is at work: the first model is done."""
IN_A_PUBLISH = """
import time
from pipelines.publish import files
def crash_point(name):
    if name == "built":
        print("reached", flush=True)
        time.sleep(100)
files.crash_point = crash_point
"""


def terminate(process: subprocess.Popen[str]) -> Said:
    """Send SIGTERM as service managers do, to process and group alike, insist if need be, and wait for the end."""
    for _attempt in range(3):
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        try:
            # Long, as insisting cuts short what cleans up: on a busy machine that takes its time.
            text, _ = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            continue
        return Said(process.returncode, text)
    process.kill()
    text, _ = process.communicate()
    raise AssertionError(f"SIGTERM did not end it: {text}")


def until_it_says(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    heard = []
    while line := process.stdout.readline():
        heard.append(line)
        if words in line:
            return
    raise AssertionError(f"it ended without saying {words!r}: {''.join(heard)}")


def step_of(shop: Deployment, step: str) -> list[tuple[str, str]]:
    """Status and detail of a step's newest entry in the ledger, and the same of its run."""
    return shop.query(
        "select s.status, s.detail, r.status from ops.steps s join ops.runs r using (run_id) "
        f"where step = '{step}' order by s.started_at desc limit 1"
    )


@pytest.mark.parametrize(("command", "driver"), [("load", IN_A_LOAD), soak("publish", IN_A_PUBLISH)])
def test_a_write_that_is_ended_leaves_what_was(shop: Deployment, command: str, driver: str) -> None:
    before = served(shop)
    if command == "load":
        shop.land("transactions", SECOND, sales(SECOND))
    else:
        lose_a_parquet_file(shop)
    process = begin(shop, command, driver=driver)
    until_it_says(process, "reached")
    says_one_thing(terminate(process), 143, "ended by SIGTERM; run the same command again")
    assert is_free(shop)
    assert processes_of(shop) == []
    ((status, detail, run_status),) = step_of(shop, command)
    assert (status, run_status) == ("failed", "failed")
    assert "ended by SIGTERM" in detail
    assert shop.query("select count(*) from raw.transactions") == [(12,)]
    assert served(shop) == before
    assert leftovers(shop) == []
    says_one_thing(run(shop, command), 0)
    assert served(shop)[1:] == before[1:]
    expected = 24 if command == "load" else 12
    assert shop.query("select count(*) from raw.transactions") == [(expected,)]


@pytest.mark.soak
def test_a_build_that_is_ended_is_built_again(shop: Deployment) -> None:
    before = served(shop)
    process = begin(shop, "build", driver=IN_A_BUILD)
    until_it_says(process, "reached")
    says_one_thing(terminate(process), 143, "ended by SIGTERM")
    assert is_free(shop)
    assert processes_of(shop) == []
    assert step_of(shop, "build")[0][0] == "failed"
    refused = mainstay(shop.settings.home, "publish")
    says_one_thing(Said(refused.exit_code, refused.output), 5, "run `mainstay build` again")
    assert mainstay(shop.settings.home, "build").exit_code == 0
    assert served(shop) == before


@pytest.mark.soak
def test_a_night_that_is_ended_leaves_no_process(shop: Deployment) -> None:
    before = served(shop)
    shop.land("transactions", SECOND, sales(SECOND))
    process = begin(shop, "nightly", str(SECOND))
    until_it_says(process, "✓ load")
    says_one_thing(terminate(process), 143, "ended by SIGTERM")
    assert processes_of(shop) == []
    assert is_free(shop)
    assert served(shop) == before
    says_one_thing(run(shop, "load"), 0)
    assert shop.query("select count(*) from raw.transactions") == [(24,)]


def test_a_writer_that_waits_for_the_lock_is_ended_at_once(shop: Deployment) -> None:
    from pipelines.warehouse.lock import warehouse_lock

    with warehouse_lock(shop.settings, "build", "another-run"):
        process = begin(shop, "load")
        until_it_says(process, f"waiting for process {os.getpid()}")
        says_one_thing(terminate(process), 143, "ended by SIGTERM")
    assert shop.query("select count(*) from raw.transactions") == [(12,)]

"""BI through many nights, backfills and a rollback: no query fails, and each sees one whole night."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from deployments import Deployment, started
from shortening import soak

from pipelines import publish, steps
from pipelines.warehouse import ledger

pytestmark = pytest.mark.usefixtures("with_few_checks")

FIRST = date(2024, 5, 1)
READER = Path(__file__).with_name("reader.py")
Reports = tuple[list[str], dict[str, list[dict[str, Any]]]]
"""The versions that were served, and what the readers of each kind report."""

KINDS = ["open_each_time"] * 4 + ["keep_open"] * 2 + ["read_parquet"] * 2


def sales(on: date, count: int, net_amount: float) -> list[dict[str, object]]:
    return [
        {
            "transaction_id": f"t{on:%m%d}-{n}",
            "line_number": 1,
            "customer_id": f"c{n % 7}",
            "product_id": f"p{n % 3}",
            "transaction_at": f"{on} {9 + n % 10}:15:00",
            "quantity": 1,
            "net_amount": f"{net_amount + n:.2f}",
        }
        for n in range(count)
    ]


@dataclass
class Writer:
    """A deployment with nine days landed, and the versions that were served one after another."""

    deployment: Deployment
    served: list[str] = field(default_factory=list)

    def day(self, number: int) -> date:
        return FIRST + timedelta(days=number - 1)

    def land(self, number: int, count: int = 20, net_amount: float = 10) -> None:
        self.deployment.land("transactions", self.day(number), sales(self.day(number), count, net_amount))

    def run(self, kind: str, first: int, last: int, *, reload: bool = False) -> None:
        """Load a range, build and publish; `build` validates what was loaded first."""
        settings, run_id = self.deployment.settings, ledger.new_run_id(kind, self.day(last))
        steps.start(settings, run_id, kind, self.day(last))
        steps.load(settings, run_id, self.day(first), self.day(last), reload=reload)
        as_of = publish.as_of_for(settings, self.day(last))
        steps.build(settings, run_id, as_of)
        steps.fit(settings, run_id, as_of)
        steps.validate(settings, run_id, "marts", as_of, as_of)
        steps.publish(settings, run_id, as_of)
        self.note()

    def rollback(self) -> None:
        publish.rollback(self.deployment.settings)
        self.note()

    def note(self) -> None:
        live = publish.current(self.deployment.settings)
        assert live is not None
        self.served.append(live.version)


@contextmanager
def readers(serving: Path, stop: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """All readers, each of them reading; ended for certain when the test is."""
    with ExitStack() as stack:
        processes = []
        for kind in KINDS:
            command = [sys.executable, str(READER), kind, str(serving), str(stop)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            processes.append(stack.enter_context(process))
            stack.callback(process.kill)
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "reading\n"
        yield processes


def is_in_order(seen: list[str], served: list[str]) -> bool:
    """Whether what was seen is what was served, some left out, none twice or before its turn."""
    left = iter(served)
    return all(version in left for version in seen)


@pytest.fixture(scope="module", params=["short", soak("long")])
def reports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """Three days published, then nights, backfills and a rollback while everybody reads: two, one and one, or more."""
    folder = tmp_path_factory.mktemp("readers")
    writer = Writer(started(folder / "shop"))
    for number in range(1, 10):
        writer.land(number)
    writer.run("load", 1, 3)
    stop = folder / "stop"
    with readers(writer.deployment.settings.serving, stop) as processes:
        writer.run("nightly", 4, 4)
        for number in (2, 3):
            writer.land(number, count=12, net_amount=33)
        writer.run("backfill", 1, 4, reload=True)
        writer.rollback()
        writer.run("nightly", 5, 5)
        if request.param == "long":
            for number in (6, 7, 8):
                writer.run("nightly", number, number)
            for number in (5, 7):
                writer.land(number, count=25, net_amount=7)
            writer.run("backfill", 4, 8, reload=True)
            writer.run("nightly", 9, 9)
        stop.touch()
        found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
        for kind, process in zip(KINDS, processes, strict=True):
            out, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
            found[kind].append(json.loads(out))
    return writer.served, found


@pytest.mark.soak
def test_no_query_fails_and_no_night_is_mixed(reports: Reports) -> None:
    served, found = reports
    assert len(served) in (5, 10)
    assert len(set(served)) == len(served) - 1, (
        "one is served twice: the rollback serves the one before again"
    )
    for kind, several in found.items():
        for report in several:
            assert report["errors"] == [], kind
            assert report["queries"] > 100, kind


@pytest.mark.soak
def test_every_reader_sees_the_nights_in_the_order_in_which_they_were_served(reports: Reports) -> None:
    served, found = reports
    for kind, several in found.items():
        for report in several:
            assert is_in_order(report["versions"], served), (kind, report["versions"], served)
            assert len(set(report["versions"])) > 1, kind
    assert {r["versions"][-1] for kind in ("open_each_time", "read_parquet") for r in found[kind]} == {
        served[-1]
    }
    assert max(len(r["versions"]) for r in found["open_each_time"]) >= len(served) - 2


@pytest.mark.soak
def test_a_kept_connection_shows_one_night_through_several_swaps(reports: Reports) -> None:
    _, found = reports
    assert [report["most_swaps_outlived"] for report in found["keep_open"]] == [2, 2]

"""Every command takes any business date, and says outright which dates are none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from deployments import Deployment, create, mainstay

from pipelines.errors import LandingError, SettingsError
from pipelines.land import landed_dates
from pipelines.orchestrate.inprocess import _result
from pipelines.orchestrate.request import Backfill
from pipelines.settings import FIRST_DAY, LAST_DAY

COMMANDS = [
    "nightly {}", "land {}", "load {}", "load {} --dry-run", "validate raw {}", "stage --as-of {}", "build --as-of {}",
    "fit --as-of {}", "publish --as-of {}", "backfill {}", "backfill 2024-05-01 {}", "backfill {} --dry-run",
    "quarantine show transactions --date {}",
]  # fmt: skip
NONE = ["0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    deployment = create(tmp_path_factory.mktemp("dates") / "shop")
    row = {"transaction_id": "t1", "line_number": 1, "customer_id": "c1", "net_amount": "1"}
    for day in (FIRST_DAY, date(1999, 12, 31), LAST_DAY):
        deployment.land(
            "transactions", day, [row | {"transaction_id": f"t-{day}", "transaction_at": f"{day} 10:00:00"}]
        )
    return deployment


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("day", NONE)
def test_what_is_no_business_date_is_said_in_a_sentence(shop: Deployment, command: str, day: str) -> None:
    result = mainstay(shop.settings.home, *command.format(day).split())
    assert result.exit_code == 2
    assert "is no business date" in " ".join(result.output.replace("│", " ").split())
    assert not shop.settings.warehouse.exists()


@pytest.mark.parametrize("day", ["25-03-01", "20250301", "2025-W09-6", "2025-02-30", "yesterday"])
def test_what_is_no_date_is_said_so(shop: Deployment, day: str) -> None:
    result = mainstay(shop.settings.home, "nightly", day)
    assert result.exit_code == 2
    assert "is no date" in " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize("day", NONE)
def test_a_backfill_asked_for_by_the_dag_says_so_too(day: str) -> None:
    with pytest.raises(SettingsError, match=f"last_date: {day} is no business date"):
        Backfill.from_params({"first_date": "2024-05-01", "last_date": day})


@pytest.mark.parametrize("day", NONE)
def test_a_file_landed_for_such_a_date_is_refused(tmp_path: Path, day: str) -> None:
    shop = create(tmp_path / "shop")
    path = shop.land("transactions", day, [])
    with pytest.raises(LandingError, match=f"{path}: refused: {day} is no business date"):
        landed_dates(shop.settings, shop.contracts["transactions"])


def test_dates_at_the_bounds_are_landed_and_loaded(shop: Deployment) -> None:
    for day in (FIRST_DAY, date(1999, 12, 31), LAST_DAY):
        assert mainstay(shop.settings.home, "land", str(day)).exit_code == 0
    assert shop.load()["loaded"] == 3


def test_a_task_that_airflow_left_out_is_told_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("why\n", encoding="utf-8")
    events = [
        {"kind": "ready", "seconds": 1.0, "migrated": False},
        {"kind": "finished", "order": ["land"], "states": {}, "run_id": "r", "state": "success"},
    ]
    result = _result("nightly", date(1999, 1, 1), events, 1.0, tmp_path / "log")
    assert result.state == "failed"
    assert "land did not succeed (why)" in str(result.error)

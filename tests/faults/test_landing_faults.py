"""A landing folder that is missing, shut, a file, or loses a file between two steps."""

from __future__ import annotations

import shutil

import pytest
from deployments import Deployment, mainstay, says_one_thing
from faults_world import FIRST, SECOND, mode, obey_modes, run, sales, served
from faults_world import says_one_thing as said_one_thing
from shortening import soak

from pipelines import steps
from pipelines.errors import LandingError
from pipelines.land import check_files
from pipelines.warehouse import ledger


@pytest.mark.parametrize("command", [("nightly",), ("land", str(SECOND)), ("load",)], ids=" ".join)
def test_a_missing_landing_folder(shop: Deployment, command: tuple[str, ...]) -> None:
    before = served(shop)
    shutil.rmtree(shop.settings.landing)
    says_one_thing(mainstay(shop.settings.home, *command), 3, str(shop.settings.landing / "transactions"))
    assert served(shop) == before
    assert shop.query("select count(*) from raw.transactions") == [(12,)]


def test_a_landing_folder_that_is_a_file(shop: Deployment) -> None:
    shutil.rmtree(shop.settings.landing)
    shop.settings.landing.write_text("not a folder", encoding="utf-8")
    for command in (("land", str(FIRST)), ("load",), ("nightly",)):
        says_one_thing(
            mainstay(shop.settings.home, *command), 3, str(shop.settings.landing), "Not a directory"
        )
    assert mainstay(shop.settings.home, "status").exit_code == 0


@pytest.mark.parametrize("what", [soak("folder"), "file"])
def test_a_landing_folder_or_file_without_the_right_to_read(shop: Deployment, what: str) -> None:
    before = served(shop)
    file = shop.land("transactions", SECOND, sales(SECOND))
    path = file if what == "file" else shop.settings.landing / "transactions"
    with mode(path, 0o000):
        said_one_thing(
            run(shop, "load", prepare=obey_modes), 3, str(path), "cannot be read", "Permission denied"
        )
        assert served(shop) == before
    said_one_thing(run(shop, "load", prepare=obey_modes), 0, "loaded: 12")


def test_a_file_that_vanishes_before_it_is_loaded(shop: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    file = shop.land("transactions", SECOND, sales(SECOND))
    run_id = ledger.new_run_id("load", SECOND)
    steps.start(shop.settings, run_id, "load", SECOND)
    steps.land(shop.settings, run_id, SECOND, SECOND)

    def and_then_it_vanishes(*arguments: object) -> object:
        found = check_files(*arguments)  # type: ignore[arg-type]
        file.unlink()
        return found

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.load.partitions.check_files", and_then_it_vanishes)
        with pytest.raises(LandingError, match=str(file)):
            steps.load(shop.settings, run_id, SECOND, SECOND)
    assert shop.query("select count(*) from raw.transactions") == [(12,)]
    shop.land("transactions", SECOND, sales(SECOND))
    assert steps.load(shop.settings, run_id, SECOND, SECOND)["loaded"] == 12


def test_a_date_that_vanishes_between_land_and_load_stops_the_night(shop: Deployment) -> None:
    file = shop.land("transactions", SECOND, sales(SECOND))
    run_id = ledger.new_run_id("nightly", SECOND)
    steps.start(shop.settings, run_id, "nightly", SECOND)
    steps.land(shop.settings, run_id, SECOND, SECOND)
    file.unlink()
    with pytest.raises(LandingError, match="1 of 1 transactions files that were landed are gone"):
        steps.load(shop.settings, run_id, SECOND, SECOND)
    assert shop.query("select count(*) from raw.transactions") == [(12,)]

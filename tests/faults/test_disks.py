"""A full disk and a folder that cannot be written: one sentence, last night stays readable, then all goes on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from deployments import Deployment, mainstay
from faults_world import (
    SECOND,
    Disk,
    leftovers,
    lose_a_parquet_file,
    mode,
    mount,
    obey_modes,
    run,
    sales,
    says_one_thing,
    served,
)
from shortening import soak

from pipelines.settings import Settings
from pipelines.transform.log import dbt_log, log_file

MANY = 40_000
"""Lines of a day that need some megabytes in the warehouse."""


@pytest.mark.soak
@pytest.mark.parametrize("disk", ["small file system", soak("size of files")], indirect=True)
def test_a_disk_that_fills_up_while_loading(disk: Disk) -> None:
    shop = disk.deployment
    before = served(shop)
    shop.land("transactions", SECOND, sales(SECOND, MANY))
    disk.fill(leave=300_000)
    says_one_thing(
        disk.run("load"), 10, "mainstay.duckdb", str(shop.settings.var), "run the same command again"
    )
    assert served(shop) == before
    disk.free()
    says_one_thing(disk.run("load"), 0)  # or all of it was in the log that was written before
    assert shop.query("select count(*) from raw.transactions") == [(MANY + 12,)]
    assert leftovers(shop) == []


@pytest.mark.soak
def test_a_disk_that_fills_up_while_building(disk: Disk) -> None:
    shop = disk.deployment
    before = served(shop)
    shop.land("transactions", SECOND, sales(SECOND, MANY))
    assert mainstay(shop.settings.home, "load").exit_code == 0
    disk.fill(leave=1_000_000)
    says_one_thing(disk.run("build"), 10, "no space is left", str(shop.settings.var), "free some space")
    assert served(shop) == before


@pytest.mark.soak
def test_a_disk_that_fills_up_while_building_and_publishing_has_room_again(disk: Disk) -> None:
    shop = disk.deployment
    before = served(shop)
    shop.land("transactions", SECOND, sales(SECOND, MANY))
    says_one_thing(disk.run("load"), 0)

    disk.fill(leave=1_000_000)
    says_one_thing(disk.run("build"), 10, "no space is left", str(shop.settings.var), "free some space")
    assert served(shop) == before
    disk.free()
    assert mainstay(shop.settings.home, "build").exit_code == 0

    disk.fill(leave=1_000_000)
    says_one_thing(disk.run("publish"), 10, "space", str(shop.settings.var), "free some space")
    assert served(shop) == before
    disk.free()
    assert mainstay(shop.settings.home, "publish").exit_code == 0
    assert served(shop)[1] == SECOND
    assert leftovers(shop) == []


@pytest.mark.parametrize("commands", [("load", "status"), soak(("build", "publish"))], ids="-".join)
def test_a_disk_that_becomes_read_only(disk: Disk, commands: tuple[str, ...]) -> None:
    shop = disk.deployment
    if not disk.is_mounted:
        pytest.skip("nothing may be mounted here; the rights of folders are tested below")
    before = served(shop)
    shop.land("transactions", SECOND, sales(SECOND))
    var = str(shop.settings.var)
    assert mount("-o", "remount,ro", var)
    try:
        for command in commands:
            said = run(shop, command)
            says_one_thing(said, 10, "Read-only file system", var, "run the same command again")
        doctor = run(shop, "doctor")
        says_one_thing(doctor, 1, f"{var} cannot be written: Read-only file system")
        assert served(shop) == before
    finally:
        assert mount("-o", "remount,rw", var)
    says_one_thing(run(shop, "load"), 0, "loaded: 12")


@pytest.mark.soak
@pytest.mark.parametrize(
    ("folder", "command", "exit_code"),
    [("warehouse", "load", 10), soak("serving", "publish", 10)],
)
def test_a_folder_without_the_right_to_write(
    shop: Deployment, folder: str, command: str, exit_code: int
) -> None:
    before = served(shop)
    if command == "load":
        shop.land("transactions", SECOND, sales(SECOND))
    else:
        lose_a_parquet_file(shop)
    path = shop.settings.var / folder
    with mode(path, 0o555):
        for file in path.glob("mainstay.duckdb*"):
            file.chmod(0o444)
        says_one_thing(
            run(shop, command, prepare=obey_modes), exit_code, "Permission denied", str(shop.settings.var)
        )
    for file in path.glob("mainstay.duckdb*"):
        file.chmod(0o644)
    says_one_thing(run(shop, command), 0)
    assert served(shop)[1:] == before[1:]


def test_a_log_without_room_is_said_once_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(home=tmp_path)
    log_file(settings).parent.mkdir(parents=True)
    log_file(settings).symlink_to("/dev/full")
    with dbt_log(settings) as write:
        for _ in range(3):
            write(SimpleNamespace(info=SimpleNamespace(level="info", msg="1 of 9 OK")))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"{log_file(settings)} lacks lines" in caplog.text
    assert "No space left on device" in caplog.text
    assert capsys.readouterr().err == ""  # the library would print a traceback for each line

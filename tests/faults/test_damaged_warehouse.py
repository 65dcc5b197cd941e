"""A damaged warehouse is found and named by every command with the way out, and BI does not notice."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from deployments import Deployment, mainstay, says_one_thing
from faults_world import FIRST, SECOND, sales, served
from shortening import only

from pipelines.warehouse.connection import connect

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "header overwritten": lambda whole: bytes(12_288) + whole[12_288:],
    "cut off in the middle": lambda whole: whole[: len(whole) // 2],
    "cut off in the header": lambda whole: whole[:5000],
    "empty": lambda _: b"",
    "a text file": lambda _: b"warehouse of the shop, do not delete\n" * 500,
    "garbage after the header": lambda whole: (
        whole[:12_288] + bytes(range(256)) * ((len(whole) - 12_288) // 256)
    ),
}
HEADERS, BLOCK = 3 * 4096, 262_144
"""Bytes of DuckDB's three headers, and of a block."""

COMMANDS = {
    "land": ("land",),
    "load": ("load",),
    "stage": ("stage",),
    "build": ("build",),
    "validate": ("validate", "raw"),
    "publish": ("publish",),
    "status": ("status",),
    "quarantine": ("quarantine", "list"),
    "nightly": ("nightly",),
}


def findings(shop: Deployment, *kinds: str) -> list[tuple[str, str, str]]:
    """What doctor says is not in order, of these kinds."""
    result = mainstay(shop.settings.home, "doctor", "--json")
    found = [(f["what"], f["state"], f["text"]) for f in json.loads(result.stdout)]
    return [f for f in found if f[0] in kinds and f[1] != "ok"]


@pytest.mark.parametrize("damage", only(DAMAGES, "cut off in the middle", "empty"))
def test_every_command_names_the_damaged_file_and_the_way_out(shop: Deployment, damage: str) -> None:
    before = served(shop)
    warehouse = shop.settings.warehouse
    warehouse.write_bytes(DAMAGES[damage](warehouse.read_bytes()))
    commands = COMMANDS.values() if damage == "cut off in the middle" else [("load",), ("status",)]
    for command in commands:
        says_one_thing(
            mainstay(shop.settings.home, *command), 9, str(warehouse), "is damaged", "`mainstay rebuild`"
        )
    ((_, state, text),) = findings(shop, "warehouse")
    assert state == "error"
    assert "is damaged" in text
    assert "`mainstay rebuild`: it is rebuilt from the landing files" in text
    assert served(shop) == before


def test_damage_within_a_table_is_found_by_the_doctor_and_by_the_step_that_reads_it(shop: Deployment) -> None:
    shop.land("transactions", SECOND, sales(SECOND, 3000))
    assert mainstay(shop.settings.home, "load").exit_code == 0
    assert findings(shop, "warehouse", "ledger") == []
    before, warehouse = served(shop), shop.settings.warehouse
    ((block, _),) = shop.query(
        "select block_id, block_offset from pragma_storage_info('raw.transactions') "
        "where column_name = 'transaction_id' and block_id >= 0 limit 1"
    )
    with warehouse.open("r+b") as file:
        file.seek(HEADERS + block * BLOCK + BLOCK // 2)
        file.write(b"damage" * 100)
    ((_, state, text),) = findings(shop, "warehouse")
    assert (state, "Corrupt database file" in text, "`mainstay rebuild`" in text) == ("error", True, True)
    says_one_thing(
        mainstay(shop.settings.home, "build"), 9, str(warehouse), "is damaged", "`mainstay rebuild`"
    )
    assert served(shop) == before


def test_rows_that_no_load_has_written_are_found(shop: Deployment) -> None:
    with connect(shop.settings) as connection:
        connection.execute("update raw.transactions set file_id = 'of hand' where transaction_id = 't0501-3'")
    ((_, state, text),) = findings(shop, "ledger")
    assert state == "error"
    assert "raw.transactions has 11 rows of" in text
    assert "raw.transactions has 1 rows of no file of the ledger" in text
    assert "`mainstay rebuild`" in text


def test_rows_that_somebody_deleted_are_found(shop: Deployment) -> None:
    with connect(shop.settings) as connection:
        connection.execute("delete from raw.transactions where transaction_id = 't0501-3'")
    ((_, _, text),) = findings(shop, "ledger")
    path = shop.path("transactions", FIRST)
    assert f"raw.transactions has 11 rows of {path} where the ledger says 12" in text


def test_loaded_dates_whose_files_are_gone_are_named_before_a_rebuild_loses_them(shop: Deployment) -> None:
    shop.land("transactions", SECOND, sales(SECOND))
    assert mainstay(shop.settings.home, "load").exit_code == 0
    shop.path("transactions", FIRST).unlink()
    ((_, state, text),) = findings(shop, "removed")
    assert state == "warning"
    assert f"transactions {FIRST}" in text
    assert "--remove-missing" in text
    shown = " ".join(mainstay(shop.settings.home, "status").output.split())
    assert f"loaded, gone from landing: transactions {FIRST}" in shown


@pytest.mark.soak
def test_a_served_file_with_a_flipped_byte_is_found_and_published_anew(shop: Deployment) -> None:
    assert findings(shop, "serving") == []
    file = shop.settings.serving / "marts.duckdb"
    whole = bytearray(file.read_bytes())
    whole[len(whole) // 2] ^= 1
    file.chmod(0o644)
    file.write_bytes(bytes(whole))
    file.chmod(0o444)
    ((_, state, text),) = findings(shop, "serving")
    assert state == "error"
    assert f"{file} has been changed since it was published" in text
    assert "`mainstay publish`" in text
    assert mainstay(shop.settings.home, "publish").exit_code == 0
    assert findings(shop, "serving") == []

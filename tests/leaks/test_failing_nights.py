"""Nights that fail, each at another step and over a person's row: nobody is told who it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from deployments import Deployment, mainstay, started
from planting import Planted, leaked, tolerate_rejects

from tests.end_to_end.nights_world import sales

pytestmark = pytest.mark.soak

FIRST = date(2024, 5, 1)
GUESTS = """
apiVersion: v3.1.0
kind: DataContract
id: urn:shop:source:guests
name: guests
version: 1.0.0
status: active
servers:
  - {server: landing, type: local, path: "guests/{date}/*.csv", format: csv}
schema:
  - name: guests
    dataGranularityDescription: One row per guest.
    properties:
      - {name: guest_id, physicalType: VARCHAR, logicalType: string, primaryKey: true, required: true, description: The guest.}
      - {name: guest_name, physicalType: VARCHAR, logicalType: string, classification: pii, description: As told.}
"""
STG_GUESTS = """
{{ config(materialized='table') }}
with source as (
    {{ held_rows('guests', ['guest_id']) }}
)

select source.guest_id, source.business_date
from source
where {condition}
"""


def write_model(deployment: Deployment, condition: str) -> None:
    """Stage the guests for whom the condition is true."""
    path = deployment.settings.models / "staging" / "stg_guests.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(STG_GUESTS.replace("{condition}", condition), "utf-8")


@pytest.fixture(scope="module")
def planted() -> Planted:
    return Planted({})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, planted: Planted) -> Deployment:
    deployment = started(tmp_path_factory.mktemp("failing") / "shop")
    tolerate_rejects(deployment, "customers")
    (deployment.settings.contracts / "sources" / "guests.odcs.yaml").write_text(GUESTS, "utf-8")
    write_model(deployment, "true")
    planted.contracts = deployment.contracts
    deployment.land("transactions", FIRST, sales(FIRST))
    deployment.land("customers", FIRST, [{"customer_id": "c1"} | planted.person("customers", "good")])
    result = mainstay(deployment.settings.home, "nightly", str(FIRST))
    assert result.exit_code == 0, result.output
    return deployment


def person(planted: Planted, who: str, **given: Any) -> dict[str, Any]:
    return {"customer_id": f"c{who}"} | planted.person("customers", who) | given


def no_number(shop: Deployment, planted: Planted, day: date) -> Path:
    return shop.land("customers", day, [person(planted, "nonumber", customer_id="")])


def no_days(shop: Deployment, planted: Planted, day: date) -> Path:
    rows = [person(planted, f"noday{n}", registered_on=f"zqday{n}", birth_date="zqborn") for n in "abc"]
    planted.markers["noday"] = ["zqday", "zqborn"]
    return shop.land("customers", day, rows)


def address_as_number(shop: Deployment, planted: Planted, day: date) -> Path:
    planted.markers["mailed"] = ["zqmailed"]
    return shop.land("customers", day, [person(planted, "address", customer_id="zqmailed@zq.example")])


def name_that_no_check_can_read(shop: Deployment, planted: Planted, day: date) -> Path:
    path = shop.contracts["customers"].path
    document = yaml.safe_load(path.read_text("utf-8"))
    sql = "SELECT CAST(full_name AS INT) AS number, phone AS told FROM {batch}"
    told = {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": sql}}
    check = {"name": "told", "type": "custom", "engine": "greatExpectations", "implementation": told}
    document["schema"][0]["quality"].append(check)
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), "utf-8")
    return shop.land("customers", day, [person(planted, "checked")])


def name_that_no_model_can_read(shop: Deployment, planted: Planted, day: date) -> Path:
    write_model(shop, "cast(source.guest_name as integer) > 0")
    shop.land("transactions", day, sales(day))
    return shop.land("guests", day, [{"guest_id": "g1"} | planted.person("guests", "guest")])


Spoil = Callable[[Deployment, Planted, date], Path]


@pytest.mark.parametrize(
    ("number", "spoil", "exit_code"),
    [
        (1, no_number, 6),
        (2, no_days, 4),
        (3, address_as_number, 6),
        (4, name_that_no_check_can_read, 6),
        (5, name_that_no_model_can_read, 5),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_night_that_fails_over_a_person_tells_of_nobody(
    shop: Deployment, planted: Planted, number: int, spoil: Spoil, exit_code: int
) -> None:
    day = FIRST + timedelta(days=number)
    contract = shop.contracts["customers"].path
    before = contract.read_text("utf-8")
    if spoil is not name_that_no_model_can_read:
        shop.land("transactions", day, sales(day))
    path = spoil(shop, planted, day)
    result = mainstay(shop.settings.home, "nightly", str(day))
    assert result.exit_code == exit_code, result.output
    said = (result.output + mainstay(shop.settings.home, "status").output).lower()
    assert not [marker for marker in planted.all() if marker in said.replace("\n", "")]
    assert not leaked(shop, planted)

    contract.write_text(before, "utf-8")
    path.write_text(path.read_text("utf-8").splitlines(keepends=True)[0], "utf-8")
    write_model(shop, "true")
    result = mainstay(shop.settings.home, "nightly", str(day))
    assert result.exit_code == 0, result.output
    assert not leaked(shop, planted)


TWICE = (
    "create table staging.kept as from staging.stg_customers union all from staging.stg_customers",
    "drop view staging.stg_customers",
    "create view staging.stg_customers as from staging.kept",
)
TOO_SMALL = ("update marts.share_of_wallet_monthly set wallet = 0.01 where own_spend > 1",)


@pytest.mark.parametrize(
    ("stage", "statements"), [("staging", TWICE), ("marts", TOO_SMALL)], ids=["staging", "marts"]
)
def test_a_check_of_what_is_built_that_fails_tells_of_nobody(
    shop: Deployment, planted: Planted, stage: str, statements: tuple[str, ...]
) -> None:
    with duckdb.connect(str(shop.settings.warehouse)) as connection:
        for statement in statements:
            connection.execute(statement)
    result = mainstay(shop.settings.home, "validate", stage)
    assert result.exit_code == 6, result.output
    assert not leaked(shop, planted)

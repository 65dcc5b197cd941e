"""`mainstay backfill`: corrections, bad input and dry runs, with the real DAG in-process on a tiny deployment."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
from deployments import Deployment, create, mainstay, says_one_thing

from pipelines.publish import current

pytestmark = pytest.mark.usefixtures("with_few_checks")

FIRST = date(2024, 3, 30)
DAYS = [FIRST + timedelta(days=n) for n in range(4)]
LAST = DAYS[-1]
REASON = "the till's [export] was late"


def sales(day: date, customers: int = 6, factor: float = 1) -> list[dict[str, Any]]:
    """One line a customer and day; the first customers spend ten times what the others do."""
    return [
        {
            "transaction_id": f"t{day}-{n}",
            "line_number": 1,
            "customer_id": f"c{n}",
            "product_id": "p1",
            "transaction_at": f"{day} 10:00:00",
            "quantity": 1,
            "net_amount": f"{factor * (100 if n > 2 else 1000):.2f}",
        }
        for n in range(customers)
    ]


def hashes(deployment: Deployment) -> dict[str, str]:
    """A check sum of every file below var, but for caches, logs and the notes of locks."""
    var = deployment.settings.var
    skipped = ("logs", "airflow")
    return {
        str(path.relative_to(var)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(var.rglob("*"))
        if path.is_file()
        and path.relative_to(var).parts[0] not in skipped
        and path.name not in ("lock", "lock.json")
    }


def served(deployment: Deployment) -> str:
    published = current(deployment.settings)
    assert published is not None
    return published.content


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Four days landed, and published by a backfill that reaches beyond them."""
    deployment = create(tmp_path_factory.mktemp("backfill") / "shop", new_customer_months=0)
    (deployment.settings.home / "mainstay.toml").write_text("new_customer_months = 0\n")
    for day in DAYS:
        deployment.land("transactions", day, sales(day))
    dates = (str(FIRST - timedelta(days=30)), "2199-12-31")
    result = mainstay(deployment.settings.home, "backfill", *dates, "--reason", REASON, "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["as_of_date"] == str(LAST)
    assert summary["load"]["loaded"] == 6 * len(DAYS)
    assert summary["changes"]["before"] is None
    assert summary["lost_transactions"] == 0
    return deployment


def test_a_range_that_makes_no_sense_is_refused_at_once(shop: Deployment) -> None:
    home, before = shop.settings.home, hashes(shop)
    swapped = mainstay(home, "backfill", str(LAST), str(FIRST))
    says_one_thing(swapped, 2, f"the range ends ({FIRST}) before it starts ({LAST}); swap the dates")
    unknown = mainstay(home, "backfill", str(FIRST), "--dataset", "sales")
    says_one_thing(unknown, 2, "unknown dataset sales; use transactions, customers")
    says_one_thing(mainstay(home, "backfill", "May"), 2, "'May' is no date")
    empty = mainstay(home, "backfill", "2020-01-01", "2020-01-31")
    says_one_thing(
        empty, 3, "no file is landed for 2020-01-01 to 2020-01-31", "landing/transactions/2020-01-01/*.csv*"
    )
    feedback = mainstay(home, "backfill", str(FIRST), "--dataset", "feedback")
    says_one_thing(feedback, 3, f"no file is landed for {FIRST}", f"landing/feedback/{FIRST}/")
    assert hashes(shop) == before


def test_the_reason_that_the_command_is_given_is_in_the_ledger_and_in_status(shop: Deployment) -> None:
    home = shop.settings.home
    assert shop.query("select kind, reason from ops.runs order by started_at limit 1") == [
        ("backfill", REASON)
    ]
    assert REASON in " ".join(mainstay(home, "status").output.split())
    assert REASON in [run["reason"] for run in json.loads(mainstay(home, "status", "--json").stdout)["runs"]]


def test_a_refused_file_in_the_range_changes_nothing(shop: Deployment) -> None:
    content, loaded = served(shop), shop.query("select count(*), sum(net_amount) from raw.transactions")
    good = shop.land("transactions", DAYS[1], sales(DAYS[1], factor=9)).read_bytes()
    bad = shop.path("transactions", DAYS[2])
    kept = bad.read_bytes()
    bad.write_bytes(b"nothing,of,the,contract\n1,2,3,4\n")
    try:
        plan = mainstay(shop.settings.home, "backfill", str(FIRST), str(LAST), "--dry-run")
        assert plan.exit_code == 0, plan.output
        assert "the backfill would stop" in plan.output
        assert str(bad) in plan.output
        result = mainstay(shop.settings.home, "backfill", str(FIRST), str(LAST))
    finally:
        bad.write_bytes(kept)
        shop.land("transactions", DAYS[1], sales(DAYS[1]))
    assert good != shop.path("transactions", DAYS[1]).read_bytes()
    says_one_thing(result, 3, str(bad), "refused")
    assert shop.query("select count(*), sum(net_amount) from raw.transactions") == loaded
    assert served(shop) == content
    runs = shop.query("select kind, status from ops.runs order by started_at desc limit 1")
    assert runs == [("backfill", "failed")]


def test_a_dry_run_says_what_a_correction_changes_and_changes_nothing_and_the_backfill_does_just_that(
    shop: Deployment,
) -> None:
    home, content = shop.settings.home, served(shop)
    # A correction of the month before: everybody spends more, one customer did not buy.
    shop.land("transactions", DAYS[0], sales(DAYS[0], customers=5, factor=30))
    before = hashes(shop)
    plan = mainstay(home, "backfill", str(FIRST), str(LAST), "--dry-run")
    assert plan.exit_code == 0, plan.output
    assert hashes(shop) == before
    text = " ".join(plan.output.split())
    assert f"transactions {FIRST} changed 6 5 0 1 5 0" in text
    assert f"transactions keeps its rows: 3 dates, {DAYS[1]} to {LAST}" in text
    assert "2024-03 0 1 5" in text
    assert "marts can change from 2024-03 on" in text
    assert max(map(len, plan.output.splitlines())) <= 80

    result = mainstay(home, "backfill", str(FIRST), str(LAST))
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.replace("│", " ").split())
    assert "✓ publish" in said
    assert f"Loaded {FIRST} to {LAST}" in said
    assert re.search(r" transac\S* 4 4 23 23 0 0 0 ", said)
    assert "fct_transactions 24 23 0 1 5" in said
    # c3 and c4 are worth more in March, and in April too, whose window holds the corrected day.
    assert "ordinary diamond 2024-03 to 2024-04 2 4 2" in said
    assert "2024-03 6,600.00 99,300.00 +92,700.00" in said
    assert f"as of {LAST}, published as" in said
    assert served(shop) != content
    assert list((shop.settings.var / "logs").glob(f"backfill-{FIRST}-to-{LAST}-*.log"))
    assert shop.query(
        "select sum(net_amount) from fct_transactions where business_date = date '2024-03-30'",
        shop.settings.serving / "marts.duckdb",
    ) == [(30 * 3200,)]


@pytest.mark.soak
def test_a_removed_day_is_emptied_only_when_it_is_asked_for(shop: Deployment) -> None:
    home, day = shop.settings.home, str(DAYS[2])
    shop.path("transactions", day).unlink()
    says_one_thing(mainstay(home, "backfill", day), 3, f"no file is landed for {day}", "--remove-missing")
    plan = mainstay(home, "backfill", day, "--remove-missing", "--dry-run", "--json")
    [part] = [p for p in json.loads(plan.stdout)["partitions"] if p["dataset"] == "transactions"]
    assert (part["state"], part["rows_now"], part["rows_after"], part["removed"]) == ("missing", 6, 0, 6)
    result = mainstay(home, "backfill", day, "--remove-missing", "--json")
    assert result.exit_code == 0, result.output
    facts = next(t for t in json.loads(result.stdout)["changes"]["tables"] if t["name"] == "fct_transactions")
    assert (facts["added"], facts["removed"], facts["changed"]) == (0, 6, 0)
    assert shop.query(f"select count(*) from raw.transactions where partition_date = '{day}'") == [(0,)]

"""`mainstay rebuild`: a damaged warehouse, a rebuild that was killed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from deployments import Deployment, create, mainstay, says_one_thing
from rebuild_world import DAYS, LINES, published_shop, served

from pipelines import steps
from pipelines.errors import PublishError
from pipelines.publish.loss import require_no_loss
from pipelines.settings import Settings
from pipelines.warehouse import ledger
from pipelines.warehouse.aside import set_aside

pytestmark = pytest.mark.usefixtures("with_few_checks")


def build_one_day(deployment: Deployment) -> None:
    """What a scheduled night makes of an empty warehouse: its own date, built."""
    settings, run_id = deployment.settings, ledger.new_run_id("test", DAYS[-1])
    steps.start(settings, run_id, "test", DAYS[-1])
    steps.load(settings, run_id, DAYS[-1], DAYS[-1])
    steps.build(settings, run_id, DAYS[-1])


def asides(deployment: Deployment) -> list[Path]:
    return sorted(deployment.settings.warehouse.parent.glob("mainstay.duckdb.aside-*"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return published_shop(tmp_path_factory.mktemp("rebuild") / "shop")


def test_a_rebuild_asks_first_and_a_dry_run_changes_nothing(shop: Deployment) -> None:
    def state() -> dict[Path, str]:
        kept = [shop.settings.warehouse, shop.settings.serving, shop.settings.landing]
        paths = [
            p for top in kept for p in ([top] if top.is_file() else sorted(top.rglob("*"))) if p.is_file()
        ]
        return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    before = state()
    assert len(before) > len(DAYS)
    says_one_thing(mainstay(shop.settings.home, "rebuild"), 2, "there is no terminal to ask on; give --yes")
    plan = mainstay(shop.settings.home, "rebuild", "--dry-run")
    assert plan.exit_code == 0, plan.output
    assert f"{DAYS[0]}" in plan.output
    assert "BI is served 15 transactions as of 2024-05-03" in " ".join(plan.output.split())
    assert state() == before
    assert asides(shop) == []


def test_nothing_is_set_aside_where_nothing_is_landed(tmp_path: Path) -> None:
    empty = create(tmp_path / "empty")
    says_one_thing(mainstay(empty.settings.home, "rebuild", "--yes"), 3, "nothing is landed in")
    assert set_aside(empty.settings) == (None, None)


def test_the_log_goes_with_its_warehouse(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.warehouse.parent.mkdir(parents=True)
    settings.warehouse.write_text("rows")
    log = settings.warehouse.with_name("mainstay.duckdb.wal")
    log.write_text("changes")
    aside, rows = set_aside(settings)
    assert aside is not None
    assert rows is None
    # DuckDB takes this for the log of the file that bears the name without .wal.
    assert {p.name: p.read_text() for p in settings.warehouse.parent.glob("mainstay*")} == {
        aside.name: "rows",
        f"{aside.name}.wal": "changes",
    }


@pytest.mark.soak
def test_a_damaged_warehouse_is_kept_and_rebuilt_to_the_same_marts(shop: Deployment) -> None:
    before = served(shop)
    damaged = b"this is no DuckDB file" * 1000
    shop.settings.warehouse.write_bytes(damaged)
    result = mainstay(shop.settings.home, "rebuild", "--yes")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "nothing changed in the marts" in said
    assert "unchanged since" in said
    assert "lost" not in said
    after = served(shop)
    assert (after.content, after.as_of_date, after.version) == (
        before.content,
        before.as_of_date,
        before.version,
    )
    (aside,) = asides(shop)
    assert aside.read_bytes() == damaged
    assert said.count(aside.name) == 2
    assert shop.query("select count(*) from raw.transactions") == [(LINES * len(DAYS),)]


@pytest.mark.soak
def test_a_new_warehouse_cannot_take_away_what_is_served_and_a_killed_rebuild_is_taken_up(
    shop: Deployment,
) -> None:
    before = served(shop)
    assert set_aside(shop.settings).rows is None
    build_one_day(shop)
    with pytest.raises(
        PublishError, match="holds 5 transactions up to 2024-05-03, where BI is served 15: 10 would"
    ):
        require_no_loss(shop.settings)
    result = mainstay(shop.settings.home, "nightly", "--json")
    assert result.exit_code == 0, result.output
    assert served(shop).content == before.content
    assert require_no_loss(shop.settings) == 0

"""What was built and published has the person no more, revenue stays what it was, and nothing old is published in between."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from scanning import scan

from pipelines import steps
from pipelines.errors import BuildError
from pipelines.publish import current, versions
from pipelines.warehouse import ledger
from pipelines.warehouse.standing import built_as_of
from tests.deployments import Deployment
from tests.forget.forgetting_world import MARKERS, KilledError, forget, kill_at, landed
from tests.postgres_server import Server, server

__all__ = ["server"]

pytestmark = pytest.mark.usefixtures("with_few_checks")

AS_OF = date(2025, 3, 2)


def publish(world: Deployment) -> None:
    run_id = ledger.new_run_id("publish", AS_OF)
    steps.start(world.settings, run_id, "publish", AS_OF)
    steps.validate(world.settings, run_id, "marts", AS_OF, AS_OF)
    steps.publish(world.settings, run_id, AS_OF)


def test_published_nights_forget_too_and_postgres_with_them(tmp_path: Path, server: Server) -> None:
    server.empty()
    world = landed(tmp_path / "home", postgres_url=server.url())
    world.load()
    world.fit(AS_OF)
    publish(world)
    steps.export(world.settings, ledger.new_run_id("export", AS_OF))
    people = "SELECT DISTINCT customer_id FROM mainstay.fct_transactions WHERE NOT is_anonymous ORDER BY 1"
    assert ("C-ANNA-77",) in server.rows(people)
    served = world.settings.serving / "marts.duckdb"
    revenue = "select sum(net_amount), count(*) from fct_transactions"
    before = world.query(revenue, served)

    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, "traces_erased")
        with pytest.raises(KilledError):
            forget(world)
    with pytest.raises(BuildError):
        built_as_of(world.settings)

    steps.start(world.settings, ledger.new_run_id("load", AS_OF), "load", AS_OF)

    assert world.query(revenue, served) == before
    assert world.query(
        "select distinct customer_id from fct_transactions where not is_anonymous", served
    ) == [("C-BEN-79",)]
    assert server.rows(people) == [("C-BEN-79",)]
    published = current(world.settings)
    assert published is not None
    assert published.as_of_date == AS_OF
    assert [v.version for v in versions(world.settings)] == [published.version]
    without = [world.settings.var / "dbt" / "parsed"]
    assert scan(world.settings.var, [m.lower() for m in MARKERS], without=without).found == []
    assert world.query("select distinct state from ops.tombstones") == [("done",)]
    assert (world.settings.serving / "report.html").exists()

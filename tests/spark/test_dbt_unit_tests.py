"""dbt's own unit tests pass on Spark as they do on DuckDB (`dbt/test_unit_tests.py`), on an empty build."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines import steps
from pipelines.fit.tables import create_tables
from pipelines.settings import Settings
from pipelines.steps.record import context_of
from pipelines.surroundings import surroundings
from pipelines.transform import run as dbt_runs
from pipelines.transform import transform
from pipelines.transform.parsed import read_parsed
from pipelines.transform.run import parsed_project
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect
from pipelines.warehouse.engines import engine_of

from .sessions import SPARK

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("session")]

DAY = date(2017, 4, 30)


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    """All models without a row: the tested models' parents must exist so that dbt knows their types."""
    settings = Settings(home=tmp_path, **SPARK)
    run_id = ledger.new_run_id("build", DAY)
    steps.start(settings, run_id, "build", DAY)
    steps.load(settings, run_id, None, None)
    with closing(connect(settings)) as connection:
        create_tables(connection)
    all_models = ["--resource-type", "seed", "--resource-type", "model"]
    transform(settings, "build", DAY, context_of(settings), selection=all_models)
    return settings


@pytest.fixture
def with_their_own_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests say their as-of date by a variable, and a run says its own in the environment, which goes first."""

    def parsed(settings: Settings, key: str) -> Any:
        manifest = read_parsed(settings, key)
        for test in manifest.unit_tests.values() if manifest is not None else ():
            if test.overrides is not None and (day := test.overrides.vars.get("as_of_date")):
                test.overrides.env_vars["MAINSTAY_AS_OF_DATE"] = str(day)
        return manifest

    monkeypatch.setattr(dbt_runs, "read_parsed", parsed)


@pytest.mark.usefixtures("with_their_own_dates")
def test_every_dbt_unit_test_passes_on_spark(empty: Settings) -> None:
    context = context_of(empty)
    project = parsed_project(empty, context)
    reads = [(s.schema, s.identifier) for s in project.sources.values() if s.source_name != "raw"]
    with (
        engine_of(empty).building(empty, reads) as under_way,
        surroundings(under_way.environment, without=()),
    ):
        outcome = dbt_runs._invoked(empty, DAY, context, ["test", "--select", "test_type:unit"])
    assert outcome.exception is None
    outcomes = {r.node.name: (str(r.status), r.message) for r in outcome.result.results}

    assert len(outcomes) == len(project.unit_tests) > 200
    assert {name: outcome for name, outcome in outcomes.items() if outcome[0] != "pass"} == {}

"""The wiring of the DAGs, read in one process of its own as Airflow's DAG processor would."""

from __future__ import annotations

import ast
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow_world import CHAIN, run_python

from pipelines.contracts import canonical_contracts
from pipelines.orchestrate.environment import airflow_environment
from pipelines.orchestrate.request import Backfill
from pipelines.orchestrate.tasks import business_date_of
from pipelines.orchestrate.told import TASKS, failures_table
from pipelines.settings import PROJECT_DIR, Settings

BOTH = pytest.mark.parametrize("dag_id", ["mainstay_nightly", "mainstay_backfill"])
HEAVY = ["great_expectations", "dbt", "duckdb", "pandas", "pyarrow", "pipelines.steps"]

_READ = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from pipelines.orchestrate.environment import DAGS_DIR
before = set(sys.modules)
bag = DagBag(DAGS_DIR)
dags = {}
for dag in bag.dags.values():
    dags[dag.dag_id] = {
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "timetable": type(dag.timetable).__name__,
        "cron": getattr(dag.timetable, "expression", None),
        "timezone": str(getattr(dag.timetable, "timezone", None)),
        "start": dag.start_date.isoformat() if dag.start_date else None,
        "doc": dag.doc_md,
        "params": {name: dag.params.get_param(name).schema for name in dag.params},
        "described": {name: dag.params.get_param(name).description for name in dag.params},
        "tasks": {
            task.task_id: {
                "downstream": sorted(task.downstream_task_ids),
                "pool": task.pool,
                "weight_rule": str(task.weight_rule),
                "retries": task.retries,
                "retry_delay": task.retry_delay.total_seconds(),
                "backoff": float(task.retry_exponential_backoff),
                "timeout": task.execution_timeout.total_seconds(),
                "callbacks": [call.__name__ for call in task.on_failure_callback],
                "outlets": [[outlet.name, outlet.uri] for outlet in task.outlets],
                "doc": task.doc_md,
                "links": [link.name for link in task.operator_extra_links],
                "is_teardown": task.is_teardown,
                "fails_dagrun": task.on_failure_fail_dagrun,
                "rule": str(task.trigger_rule.value),
            }
            for task in dag.tasks
        },
    }
from airflow import plugins_manager
views, _ = plugins_manager._get_ui_plugins()
web = {
    "errors": plugins_manager.get_import_errors(),
    "mounted": [app["url_prefix"] for app in plugins_manager.get_fastapi_plugins()[0]],
    "menu": {view["name"]: view["href"] for view in plugins_manager._get_plugins()[0][0].external_views},
    "lineage": "airflow.providers.openlineage.plugins.listener" in sys.modules,
}
errors = {k: str(v) for k, v in bag.import_errors.items()}
print("RESULT" + json.dumps({"errors": errors, "dags": dags, "web": web}))
"""

_PARSE = """
import json, runpy, sys
from pipelines.orchestrate.environment import DAGS_DIR
files = sorted(DAGS_DIR.glob("*.py"))
for file in files:
    runpy.run_path(str(file))
print("RESULT" + json.dumps({"files": len(files), "modules": sorted(sys.modules)}))
"""


def _result(code: str, settings: Settings) -> Any:
    output = run_python(code, airflow_environment(settings, "inprocess"))
    return json.loads(output.split("RESULT", 1)[1])


@pytest.fixture(scope="module")
def wiring(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(
        home=home, timezone="Europe/Paris", notify_stale_after="08:30", bi_url="https://bi.shop/"
    )
    result = _result(_READ, settings)
    assert result["errors"] == {}
    return {**result["dags"], "web": result["web"]}


@pytest.fixture(scope="module")
def nightly(wiring: dict[str, Any]) -> dict[str, Any]:
    return dict(wiring["mainstay_nightly"])


def test_the_dags_are_exactly_these(wiring: dict[str, Any]) -> None:
    assert set(wiring) - {"web"} == {"mainstay_nightly", "mainstay_backfill", "mainstay_stale"}


def test_the_web_ui_has_the_pages_and_without_a_receiver_lineage_costs_nothing(
    wiring: dict[str, Any],
) -> None:
    assert wiring["web"] == {
        "errors": {},
        "mounted": ["/mainstay"],
        "menu": {
            "Mainstay: Report": "/mainstay/report.html",
            "Mainstay: Checks": "/mainstay/checks/index.html",
            "Mainstay: Dashboards": "https://bi.shop/",
        },
        "lineage": False,
    }


@BOTH
def test_tasks_and_edges_are_one_chain(wiring: dict[str, Any], dag_id: str) -> None:
    edges = {name: task["downstream"] for name, task in wiring[dag_id]["tasks"].items()}
    assert edges == {name: CHAIN[i + 1 : i + 2] for i, name in enumerate(CHAIN)}


@BOTH
def test_every_task_takes_the_pool_backs_off_ends_and_reports(wiring: dict[str, Any], dag_id: str) -> None:
    tasks = wiring[dag_id]["tasks"]
    assert tasks
    for name, task in tasks.items():
        assert task["pool"] == "warehouse", name
        assert task["weight_rule"] == "upstream", name
        assert task["retries"] == 2, name
        assert task["retry_delay"] == 300, name
        assert task["backoff"] == 2.0, name
        assert task["timeout"] == timedelta(hours=6).total_seconds(), name
        # A run is told of once, by finish; of a finish that fails, its callback tells.
        assert task["callbacks"] == (["finish_failed"] if name == "finish" else []), name


def test_runs_have_true_data_intervals_in_the_reporting_timezone(nightly: dict[str, Any]) -> None:
    assert nightly["timetable"] == "CronDataIntervalTimetable"
    assert nightly["cron"] == "0 4 * * *"
    assert nightly["timezone"] == "Europe/Paris"
    assert nightly["start"] == "1899-12-31T23:50:39+00:00"  # midnight in Paris, which kept its own time then


@BOTH
def test_missed_runs_are_not_caught_up_and_runs_do_not_overlap(wiring: dict[str, Any], dag_id: str) -> None:
    assert wiring[dag_id]["catchup"] is False
    assert wiring[dag_id]["max_active_runs"] == 1


@BOTH
def test_only_publish_updates_the_asset(wiring: dict[str, Any], dag_id: str) -> None:
    tasks = wiring[dag_id]["tasks"]
    outlets = {name: task["outlets"] for name, task in tasks.items() if task["outlets"]}
    assert outlets == {"publish": [["mainstay_marts", "x-mainstay://serving/marts"]]}


@BOTH
def test_the_dags_and_their_tasks_say_what_they_do_and_what_to_do_when_they_fail(
    wiring: dict[str, Any], dag_id: str
) -> None:
    doc = wiring[dag_id]["doc"]
    assert "`Europe/Paris`" in doc
    assert "pipelines/" not in doc
    for name, task in wiring[dag_id]["tasks"].items():
        assert f"- **{name}**: {TASKS[name].does}" in doc
        assert task["doc"].startswith(TASKS[name].does)
        assert ("What to do:" in task["doc"]) is (name != "finish")
        assert "](" not in task["doc"], "a link to a file leads nowhere in the web UI"


def test_the_operations_guide_says_the_same_of_failures() -> None:
    assert failures_table() in (PROJECT_DIR / "docs" / "operations.md").read_text(encoding="utf-8")


@BOTH
def test_tasks_link_to_the_pages(wiring: dict[str, Any], dag_id: str) -> None:
    links = {name: task["links"] for name, task in wiring[dag_id]["tasks"].items() if task["links"]}
    checks = {name: ["Checks"] for name in CHAIN if name.startswith("validate")}
    seen = ["Report", "Dashboards"]
    assert links == {**checks, "publish": seen, "finish": ["Checks", *seen]}


@BOTH
def test_finish_runs_whatever_happened_and_has_no_say_in_the_runs_state(
    wiring: dict[str, Any], dag_id: str
) -> None:
    tasks = wiring[dag_id]["tasks"]
    teardowns = [name for name, task in tasks.items() if task["is_teardown"]]
    assert teardowns == ["finish"]
    finish = tasks["finish"]
    assert finish["rule"] == "all_done_setup_success"
    # With this set, Airflow would take finish for the run's last task and a failed run would turn green.
    assert finish["fails_dagrun"] is False


def test_a_missing_night_is_looked_for_once_a_day_at_the_hour_of_the_settings(wiring: dict[str, Any]) -> None:
    stale = wiring["mainstay_stale"]
    assert (stale["timetable"], stale["cron"], stale["timezone"]) == (
        "CronTriggerTimetable",
        "30 8 * * *",
        "Europe/Paris",
    )
    assert stale["catchup"] is False
    [task] = stale["tasks"].values()
    assert "`Europe/Paris`" in stale["doc"]
    assert "pipelines/" not in stale["doc"]
    assert "What to do:" in task["doc"]
    assert task["retries"] == 0
    assert task["pool"] != "warehouse", "it would wait for the night that it asks about"


def test_a_backfill_has_no_schedule_and_needs_a_range(wiring: dict[str, Any]) -> None:
    backfill = wiring["mainstay_backfill"]
    assert backfill["timetable"] == "NullTimetable"
    assert set(backfill["params"]) == set(Backfill(date(2024, 5, 1), date(2024, 5, 1)).params())
    for name in ("first_date", "last_date"):
        assert backfill["params"][name]["type"] == "string", name
        assert backfill["params"][name]["format"] == "date", name
    for name in ("first_date", "last_date", "reason"):
        assert "section" not in backfill["params"][name], f"{name} is in a part of the form that is closed"
    assert "Europe/Paris" in backfill["described"]["first_date"]
    assert "mainstay status" in backfill["described"]["reason"]
    assert backfill["params"]["datasets"]["examples"] == sorted(canonical_contracts())


def test_a_dag_file_imports_only_what_wires_it() -> None:
    files = sorted((PROJECT_DIR / "dags").glob("*.py"))
    assert len(files) >= 2
    allowed = {"__future__", "airflow", "pendulum", "pipelines.orchestrate", "pipelines.settings"}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert any(name == root or name.startswith(f"{root}.") for root in allowed), (
                    f"{path.name}: {name}"
                )


def test_parsing_the_dags_imports_nothing_heavy(tmp_path: Path) -> None:
    result = _result(_PARSE, Settings(home=tmp_path))
    assert result["files"] > 0
    assert "airflow.sdk" in result["modules"]
    assert [name for name in HEAVY if name in result["modules"]] == []


def test_a_runs_business_date_is_the_local_date_of_its_intervals_start() -> None:
    settings = Settings(timezone="Asia/Shanghai")
    start = datetime.fromisoformat("2017-03-01T20:00:00+00:00")
    late = datetime.fromisoformat("2017-03-02T20:00:00+00:00")
    assert business_date_of(start, late, settings) == date(2017, 3, 2)


def test_a_run_without_an_interval_is_for_the_day_before() -> None:
    settings = Settings(timezone="Asia/Shanghai")
    now = datetime.fromisoformat("2017-03-01T20:00:00+00:00")
    assert business_date_of(None, now, settings) == date(2017, 3, 1)

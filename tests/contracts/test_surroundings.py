"""What of the caller's environment reaches the tools that a night runs."""

from __future__ import annotations

import os

import pytest
from deployments import FOREIGN

from pipelines.surroundings import shielded, surroundings


def test_settings_of_other_projects_are_kept_out_and_what_people_give_is_passed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {
        "DBT_ENV_SECRET_KEY": "k",
        "AIRFLOW_CONN_SHOP": "postgres://shop",
        "AIRFLOW_VAR_X": "1",
        "MAINSTAY_TIMEZONE": "UTC",
        "PYTHONPATH": "/lib",
    }
    for name, value in (FOREIGN | given).items():
        monkeypatch.setenv(name, value)
    found = shielded()
    assert given.items() <= found.items()
    assert set(FOREIGN) & set(found) <= {"HTTP_PROXY", "http_proxy"}
    before = dict(os.environ)
    with surroundings({"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "NEW": "1"}, without=("DBT_",)):
        dbt = {name for name in os.environ if name.startswith("DBT_")}
        assert dbt == {"DBT_ENV_SECRET_KEY", "DBT_SEND_ANONYMOUS_USAGE_STATS"}
        assert os.environ["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"  # its threads may be reading it
    assert dict(os.environ) == before

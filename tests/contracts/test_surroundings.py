"""What of the caller's environment reaches the tools that a night runs."""

from __future__ import annotations

import os
import urllib.request

import pytest
from deployments import FOREIGN

from pipelines.surroundings import past_proxies, shielded, surroundings


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


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"no_proxy": "shop.example, localhost"}, "shop.example,localhost,127.0.0.1"),
        ({"NO_PROXY": "*", "no_proxy": "shop.example"}, "*"),
        ({"NO_PROXY": "*.example", "no_proxy": "shop.example"}, "shop.example,*.example,127.0.0.1,localhost"),
    ],
)
def test_a_proxy_is_passed_by_on_the_way_to_this_machine(
    given: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"http_proxy": "http://127.0.0.1:9"} | given).items():
        monkeypatch.setenv(name, value)
    with surroundings(past_proxies(), without=()):
        assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == expected
        # Python's own libraries read both names, and go by the small one.
        assert urllib.request.proxy_bypass_environment("127.0.0.1:8080")
        assert bool(urllib.request.proxy_bypass_environment("elsewhere.test:80")) == (expected == "*")

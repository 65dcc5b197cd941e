"""Settings of Spark reach every process of a deployment as they were set."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import SettingsError
from pipelines.orchestrate.environment import airflow_environment
from pipelines.settings import Settings, load_settings

CONF = {"spark.executor.memory": "4g", "spark.executor.cores": "2"}


def test_a_table_of_the_file_reaches_airflows_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Settings(home=tmp_path, engine="spark", spark_conf=CONF, spark_master="local[1]")
    for name, value in airflow_environment(told, "inprocess").items():
        if name.startswith("MAINSTAY_"):
            monkeypatch.setenv(name, value)
    assert (load_settings().engine, load_settings().spark_conf) == ("spark", CONF)


def test_the_file_takes_a_table_and_the_environment_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAINSTAY_HOME", str(tmp_path))
    (tmp_path / "mainstay.toml").write_text(
        '[spark_conf]\n"spark.executor.memory" = "4g"\n', encoding="utf-8"
    )
    assert load_settings().spark_conf == {"spark.executor.memory": "4g"}
    monkeypatch.setenv("MAINSTAY_SPARK_CONF", '{"spark.executor.memory": "8g"}')
    assert load_settings().spark_conf == {"spark.executor.memory": "8g"}
    monkeypatch.setenv("MAINSTAY_SPARK_CONF", "spark.executor.memory=8g")
    with pytest.raises(SettingsError, match=r"SPARK_CONF|spark_conf"):
        load_settings()

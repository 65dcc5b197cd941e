"""Settings of Spark reach every process of a deployment as they were set."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.errors import SettingsError
from pipelines.orchestrate.environment import airflow_environment
from pipelines.settings import Settings, load_settings
from pipelines.warehouse.spark.session import _settings_of

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


@pytest.mark.parametrize(
    "master",
    [
        "spark://one:70777",
        "spark://one:7077,two:x",
        "sc://one:abc/;user_id=a",
        "spark://:7077",
        "sc:///",
        "spark://[::1",
    ],
)
def test_an_address_without_a_host_or_port_is_refused(tmp_path: Path, master: str) -> None:
    with pytest.raises(ValidationError, match="no HOST:PORT"):
        Settings(home=tmp_path, spark_master=master)


@pytest.mark.parametrize(
    "master",
    ["spark://one:7077,two:7077", "spark://one", "sc://one:15002/;user_id=a", "sc://[::1]:15002", "local[2]"],
)
def test_an_address_with_them_is_taken(tmp_path: Path, master: str) -> None:
    assert Settings(home=tmp_path, spark_master=master).spark_master == master


@pytest.mark.parametrize(
    "options",
    [
        "-Djavax.net.ssl.keyStorePassword=Anna",
        "-Dx.secret.key=Anna",
        "-Dfs.s3a.access.key=Anna -Xss4m",
        "-Dx.access_key=Anna",
        "-Dx.authTokenValue=Anna",
        "-Dhttp.proxy=http://Anna:Anna@192.0.2.1:80",
    ],
)
def test_a_credential_within_another_setting_is_refused_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    conf = {"spark.driver.extraJavaOptions": options}
    (tmp_path / "mainstay.toml").write_text(
        f'[spark_conf]\n"spark.driver.extraJavaOptions" = "{options}"\n', encoding="utf-8"
    )
    monkeypatch.setenv("MAINSTAY_HOME", str(tmp_path))
    with pytest.raises(ValidationError, match="holds one"):
        Settings(home=tmp_path, spark_conf=conf)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert "Anna" not in str(refused.value)


@pytest.mark.parametrize(
    "options",
    [
        "-XX:+UseSerialGC",
        "-Dx.tokenizer=standard -Xss4m",
        "-Dspark.hadoop.fs.s3a.aws.credentials.provider=org.Provider",
        "-Dcom.sun.management.jmxremote.password.file=/x",
    ],
)
def test_what_is_no_credential_is_taken(tmp_path: Path, options: str) -> None:
    assert Settings(home=tmp_path, spark_conf={"spark.driver.extraJavaOptions": options}).spark_conf


def test_a_store_s_address_has_nothing_that_is_read_as_a_partition(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="s3://BUCKET/PATH"):
        Settings(home=tmp_path, lake_dir="s3://bucket/channel=web/lake")


def test_sparks_scratch_lies_in_one_folder_whatever_its_name(tmp_path: Path) -> None:
    """Spark takes a comma for the begin of another folder, and spilled rows would lie where nobody looks for them."""
    home = tmp_path / "Shop, North"
    asked = _settings_of(Settings(home=home, engine="spark"))
    assert "," not in asked["spark.local.dir"]
    assert Path(asked["spark.local.dir"]).resolve().is_relative_to(home.resolve() / "var" / "spill")

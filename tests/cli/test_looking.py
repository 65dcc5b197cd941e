"""`query`, `show` and `diff` on two published nights: what they say, what they refuse, and that they leave all as it is."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deployments import Deployment, create, mainstay, says_one_thing
from served_world import NIGHTS, two_nights
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.contracts import mart_contracts
from pipelines.publish import Published
from pipelines.settings import PROJECT_DIR

HOSTILE = "'\x1b[31mred|' || chr(10) || ',\"quoted\" [bold]钻石'"
"""SQL of a text that a terminal, markup, CSV and Markdown would take for more than a text."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[Deployment, list[Published]]:
    return two_nights(tmp_path_factory.mktemp("looking") / "shop")


@pytest.fixture(scope="module")
def home(served: tuple[Deployment, list[Published]]) -> Path:
    shop, _ = served
    # Nothing here may look into the warehouse, nor wait for who writes to it.
    shop.settings.warehouse.unlink()
    return shop.settings.home


def files(home: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.stat().st_ino, p.stat().st_mtime_ns) for p in home.rglob("*") if p.is_file()}


# --- query --------------------------------------------------------------------------------------------------


def test_a_question_is_answered_in_every_format(home: Path) -> None:
    sql = f"select {HOSTILE} as text, 1.50::decimal(9, 2) as amount, date '2017-01-31' as day, null as gone, true as yes"
    before = files(home)
    as_json = json.loads(mainstay(home, "query", sql, "--format", "json").stdout)
    assert as_json == [
        {
            "text": '\x1b[31mred|\n,"quoted" [bold]钻石',
            "amount": "1.50",
            "day": "2017-01-31",
            "gone": None,
            "yes": True,
        }
    ]
    head, row = csv.reader(io.StringIO(mainstay(home, "query", sql, "--format", "csv").stdout))
    assert head == ["text", "amount", "day", "gone", "yes"]
    assert row == ['\x1b[31mred|\n,"quoted" [bold]钻石', "1.50", "2017-01-31", "", "true"]
    markdown = mainstay(home, "query", sql, "--format", "markdown").stdout.splitlines()
    assert len(markdown) == 3
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in markdown} == {6}
    table = mainstay(home, "query", sql).stdout
    assert "\x1b" not in table
    assert "[bold]钻石" in table
    assert "1.50" in table
    assert table.endswith("1 row\n")
    assert files(home) == before


def test_a_question_comes_from_standard_input(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAINSTAY_HOME", str(home))
    done = CliRunner().invoke(
        app, ["query", "-", "--format", "csv"], input="select count(*) as n\nfrom dim_tiers\n"
    )
    assert done.stdout == "n\n0\n"


def test_it_is_said_where_rows_are_cut(home: Path) -> None:
    sql = "select * from range(101)"
    cut = mainstay(home, "query", sql)
    assert "only the first 100 rows are shown" in cut.stderr
    assert "100 rows" in cut.stdout
    assert "only" not in mainstay(home, "query", "select * from range(100)").stderr
    assert mainstay(home, "query", sql, "--limit", "0").stdout.endswith("101 rows\n")
    whole = mainstay(home, "query", sql, "--format", "csv")
    assert (len(whole.stdout.splitlines()), whole.stderr) == (102, "")
    few = mainstay(home, "query", sql, "--format", "json", "--limit", "2")
    assert (len(json.loads(few.stdout)), "first 2 rows" in few.stderr) == (2, True)
    none = mainstay(home, "query", "select 1 as a where false", "--format", "json")
    assert json.loads(none.stdout) == []


def test_columns_of_one_name_are_told_apart(home: Path) -> None:
    answer = mainstay(home, "query", "select 1 as a, 2 as a, 3 as a_1", "--format", "json")
    assert json.loads(answer.stdout) == [{"a": 1, "a_1": 2, "a_1_1": 3}]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select tier\nfrom dim_tiers\nwhere nothing = 1", ['"nothing"', "LINE 3: where nothing = 1"]),
        ("selec 1", ["syntax error", "LINE 1: selec 1 ^"]),
        ("select 'x'::date", ["date", "LINE 1"]),
        ("", ["empty"]),
        ("select 1; drop table dim_tiers", ["2 statements"]),
        ("drop table dim_tiers", ["DROP is no question"]),
        ("create temp table t as select 1", ["CREATE is no question"]),
        ("set threads = 1", ["SET is no question"]),
        ("copy dim_tiers to '{home}/x.csv'", ["COPY is no question"]),
        ("attach '{home}/x.duckdb'", ["ATTACH is no question"]),
        ("install httpfs", ["LOAD is no question"]),
        ("from read_text('{home}/policies/tier_policy.csv')", ["Cannot access file", "disabled"]),
        ("from '{home}/policies/tier_policy.csv'", ["Cannot access file", "disabled"]),
        ("from glob('/*')", ["Cannot access file", "disabled"]),
        ("from text", ["Table with name text does not exist"]),  # a variable of the program is no table
        ("pivot dim_tiers on tier using count(*)", ["PIVOT", "IN ("]),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_answered_is_said_with_its_place(home: Path, sql: str, words: list[str]) -> None:
    before = files(home)
    says_one_thing(mainstay(home, "query", sql.replace("{home}", str(home))), 2, *words)
    assert files(home) == before


def test_a_long_answer_streams_and_ctrl_c_ends_it(home: Path) -> None:
    command = [sys.executable, "-m", "pipelines.cli", "query", "--format", "csv"]
    environment = {"MAINSTAY_HOME": str(home), "MAINSTAY_DUCKDB_THREADS": "1", "PATH": ""}

    def asked(sql: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*command, sql],
            cwd=PROJECT_DIR,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    with asked("select range as i from range(100000000000)") as endless:
        assert endless.stdout is not None
        assert endless.stdout.readline() == "i\n"
        assert endless.stdout.readline() == "0\n"  # long before the last row is known
        endless.stdout.close()
        assert endless.wait(30) == 1
    with asked("select max(a.range * b.range % 7) as i from range(100000000) a, range(100000000) b") as busy:
        time.sleep(2)
        busy.send_signal(signal.SIGINT)
        assert busy.wait(30) == 130
        assert busy.stderr is not None
        assert "interrupted" in busy.stderr.read()


def test_before_the_first_night_there_is_nothing_to_ask(tmp_path: Path) -> None:
    new = create(tmp_path / "shop").settings.home
    says_one_thing(mainstay(new, "query", "select 1"), 7, "nothing is published yet", "mainstay nightly")
    says_one_thing(mainstay(new, "diff"), 7, "nothing is published yet")
    assert "nothing is published yet" in mainstay(new, "show").stdout
    assert "not published yet" in mainstay(new, "show", "dim_tiers").stdout


# --- show ---------------------------------------------------------------------------------------------------


def test_all_marts_are_listed_by_domain_with_whole_names(home: Path) -> None:
    listed = mainstay(home, "show").stdout
    names = {line.split()[0] for line in listed.splitlines() if line.strip()}
    assert names >= set(mart_contracts())
    assert "published as of 2017-12-31" in listed
    as_json = json.loads(mainstay(home, "show", "--json").stdout)
    assert {mart["name"]: mart["rows"] for mart in as_json}["fct_transactions"] == 3


def test_a_mart_is_what_its_contract_says(home: Path) -> None:
    contract = mart_contracts()["customer_tiers_monthly"]
    shown = " ".join(mainstay(home, "show", contract.name, COLUMNS="200").stdout.split())
    for text in (
        contract.document.description.purpose,
        contract.grain,
        "customer_id, month",
        "4 as of 2017-12-31",
    ):
        assert " ".join(str(text).split()).replace("4 as", "3 as") in shown
    for column in contract.columns:
        assert f"{column.name} {column.type} {' '.join(column.description.split())}" in shown
    told = json.loads(mainstay(home, "show", contract.name, "--json", "--rows", "1").stdout)
    assert [column["name"] for column in told["columns"]] == [c.name for c in contract.columns]
    assert [(row["customer_id"], row["month"]) for row in told["first_rows"]] == [("ann", "2017-10-01")]
    assert (
        json.loads(mainstay(home, "show", contract.name, "--json", "--rows", "0").stdout)["first_rows"] == []
    )


def test_an_unknown_mart_is_answered_with_near_names(home: Path) -> None:
    says_one_thing(mainstay(home, "show", "customer_tier_monthly"), 2, "did you mean customer_tiers_monthly")
    says_one_thing(mainstay(home, "show", "zzz"), 2, "no mart 'zzz'", "mainstay show")


# --- diff ---------------------------------------------------------------------------------------------------


def test_two_nights_differ_in_rows_tiers_and_revenue(
    home: Path, served: tuple[Deployment, list[Published]]
) -> None:
    _, (old, new) = served
    told = json.loads(mainstay(home, "diff", "--json").stdout)
    assert (told["before"]["version"], told["after"]["version"]) == (old.version, new.version)
    changes = told["changes"]
    changed = {
        t["name"]: (t["added"], t["removed"], t["changed"])
        for t in changes["tables"]
        if t["status"] != "same"
    }
    assert changed == {"fct_transactions": (1, 0, 1), "customer_tiers_monthly": (0, 0, 1)}
    assert {t["name"] for t in changes["tables"]} == set(mart_contracts())
    assert [(m["from_tier"], m["to_tier"], m["customers"]) for m in changes["tiers_moved"]] == [
        ("gold", "silver", 1)
    ]
    assert [(m["month"], m["difference"]) for m in changes["revenue_restated"]] == [("2017-11-01", "1.50")]
    assert [(m["month"], m["before"], m["after"]) for m in changes["revenue_changed"]] == [
        ("2017-11-01", "20.00", "21.50"),
        ("2017-12-01", "0.00", "30.00"),
    ]
    shown = mainstay(home, "diff")
    assert shown.exit_code == 0
    for words in ("Rows changed", "Tiers moved", "Revenue restated", "Revenue by month", "2017-12", "+31.50"):
        assert words in shown.stdout


def test_versions_are_named_in_several_ways_and_in_any_order(
    home: Path, served: tuple[Deployment, list[Published]]
) -> None:
    _, (old, new) = served
    for name in (old.version, old.version[:-5], str(NIGHTS[0]), "previous"):
        told = json.loads(mainstay(home, "diff", "current", name, "--json").stdout)
        assert (told["before"]["version"], told["after"]["version"]) == (new.version, old.version)
        [restated] = told["changes"]["revenue_restated"][:1]
        assert restated["difference"] == "-1.50"
    same = mainstay(home, "diff", "current", str(NIGHTS[1]))
    assert (same.exit_code, "nothing changed" in same.stdout) == (0, True)


def test_a_missing_version_is_answered_with_those_there_are(
    home: Path, served: tuple[Deployment, list[Published]]
) -> None:
    _, (old, new) = served
    for name in ("2017-01-01", "nonsense", "", "20"):
        says_one_thing(
            mainstay(home, "diff", name),
            2,
            repr(name),
            old.version,
            f"{new.version} as of 2017-12-31 (current)",
        )

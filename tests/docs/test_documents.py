"""The documents' links lead somewhere, their commands exist, their queries run, and generated text is up to date."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest
import typer

from pipelines import errors
from pipelines.cli import app
from pipelines.contracts.info_table import INFO_COLUMNS
from pipelines.quoting import ident
from pipelines.warehouse import ledger
from tests.docs.snippets import PROJECT, blocks, fenced

DOCUMENTS = sorted({*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")})
OPERATIONS = PROJECT / "docs" / "operations.md"
NAMES = [str(p.relative_to(PROJECT)) for p in DOCUMENTS]


def _anchors(path: Path) -> set[str]:
    """The headings' anchors as GitHub makes them."""
    prose = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def _bash(path: Path) -> str:
    """The shell blocks of a document, continued lines joined."""
    return re.sub(r"\\\n\s*", "", "\n".join(fenced(path, "bash")))


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_link_leads_to_a_file_and_heading_that_are_there(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if file.name in ("benchmarks.md", "benchmarks-history.md") and not file.exists():
            continue  # written by `make bench`
        assert file.exists(), f"{path.name}: {target}"
        assert not anchor or anchor in _anchors(file), f"{path.name}: {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_no_document_names_a_machine_or_a_registry(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"(?:/work/|/home/|/root/|/Users/|pypi\.|/simple\b|C:\\)", text) == []


def test_every_mainstay_command_in_the_documents_exists() -> None:
    root = typer.main.get_command(app)
    commands = root.commands  # type: ignore[attr-defined]
    found = 0
    for path in DOCUMENTS:
        for line in _bash(path).splitlines():
            match = re.match(r"mainstay (\w+)(?: (\w+))?(.*)", line.split("#")[0])
            if match is None:
                continue
            found += 1
            command = commands[match[1]]
            if match[1] == "airflow":
                continue  # what follows is Airflow's: the test below
            if hasattr(command, "commands"):
                command = command.commands[match[2]]
            options = {o for parameter in command.params for o in parameter.opts}
            assert set(re.findall(r"--[a-z-]+", match[3])) <= options, line
    assert found > 10


def test_every_make_target_and_python_module_in_the_documents_exists() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    there = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    targets = {*re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)}
    assert {"bench", "nightly", "soak"} <= targets <= {*there}
    modules = {*re.findall(r"python -m (\w[\w.]*\w)", text)}
    assert {"bench", "bench.history", "bench.models"} <= modules
    assert [name for name in modules if find_spec(name) is None] == []


def test_the_guides_airflow_commands_are_understood_by_airflow_and_ask_for_a_night(tmp_path: Path) -> None:
    told = re.findall(r"^mainstay airflow -- (.+)$", _bash(OPERATIONS), re.MULTILINE)
    assert len(told) == 2
    code = (
        "import shlex, sys\n"
        "from airflow.cli.cli_parser import get_parser\n"
        "for line in sys.argv[1:]:\n"
        "    asked = get_parser().parse_args(shlex.split(line))\n"
        "    print(asked.dag_id, asked.from_date.isoformat(), asked.to_date.isoformat())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *told], capture_output=True, text=True, timeout=120, check=True,
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path)},
    )  # fmt: skip
    nights = [line.split() for line in done.stdout.splitlines() if line.startswith("mainstay_nightly ")]
    assert len(nights) == len(told)
    for _, first, last in nights:
        start, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
        assert end - start >= timedelta(hours=23), "a run starts at 04:00: an empty range asks for none"


def test_the_table_of_tests_has_every_folder_that_holds_tests() -> None:
    tests = PROJECT / "tests"
    there = {f"tests/{path.parent.relative_to(tests)}" for path in tests.rglob("test_*.py")}
    listed = re.findall(
        r"^\| `(tests/[^`]+)` \|", (PROJECT / "docs" / "checks.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(listed) == sorted(there)


def test_the_table_of_long_tests_has_every_file() -> None:
    there = {path.name for path in (PROJECT / "tests" / "soak").glob("test_*.py")}
    text = (PROJECT / "docs" / "checks.md").read_text(encoding="utf-8")
    assert {*re.findall(r"^\| `(test_[^`]+)` \|", text, re.MULTILINE)} == there


def test_the_operations_guide_lists_every_exit_code() -> None:
    listed = {
        int(code)
        for code in re.findall(r"^\| (\d+) \|", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE)
    }
    classes = [
        c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.MainstayError)
    ]
    assert listed == {0, 130, 143, *(c.exit_code for c in classes)}


def test_the_ledgers_queries_run() -> None:
    [(_, text)] = blocks(OPERATIONS, "ledger")
    with duckdb.connect() as connection:
        connection.execute(ledger.DDL)
        queries = [q for q in text.split(";") if q.strip()]
        assert len(queries) == 2
        for query in queries:
            connection.execute(query)


@pytest.mark.parametrize(("name", "text"), blocks(OPERATIONS, "python"))
def test_the_guides_way_to_connect_bi_works(tmp_path: Path, name: str, text: str) -> None:
    serving = tmp_path / "var" / "serving"
    serving.mkdir(parents=True)
    with duckdb.connect(str(serving / "marts.duckdb")) as connection:
        connection.execute(
            f"create table _publish ({', '.join(f'{ident(n)} {t}' for n, t, _ in INFO_COLUMNS)})"
        )
        connection.execute("insert into _publish (run_id) values ('tonight')")
        connection.execute("create table dim_customers as select 7 as customer_id from range(3)")
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8", "PATH": ""}, timeout=60, check=True,
    )  # fmt: skip
    assert {"read the serving file": "tonight", "attach the serving file": "3"}[name] in done.stdout

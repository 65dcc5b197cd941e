"""Both READMEs say the same, name every mart and folder, and their query gives what they show."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb

from pipelines.contracts import mart_contracts
from pipelines.quoting import ident
from tests.docs.snippets import PROJECT, blocks, fenced

ENGLISH, CHINESE = PROJECT / "README.md", PROJECT / "README.zh-CN.md"


def _headings(path: Path) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", _prose(path), re.MULTILINE)]


def _prose(path: Path) -> str:
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def _links(path: Path) -> list[str]:
    return re.findall(r"\]\(([^)]+)\)", _prose(path))


def _first_cells(path: Path) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", _prose(path), re.MULTILINE)


def _commands(path: Path) -> list[str]:
    return [line.split("#")[0].strip() for block in fenced(path, "bash") for line in block.splitlines()]


def _folders() -> set[str]:
    """The project's folders: those under version control, or, outside of a checkout, those that are there."""
    if (PROJECT / ".git").exists() and shutil.which("git"):
        listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=False)
        if not listed.returncode:
            lines = listed.stdout.splitlines()
            return {line.split("/")[0] + "/" for line in lines if "/" in line and line[0] != "."}
    return {
        f"{path.name}/"
        for path in PROJECT.iterdir()
        if path.is_dir() and not path.name.startswith((".", "__"))
    }


def test_both_readmes_have_the_same_headings_commands_tables_and_links() -> None:
    assert _headings(ENGLISH) == _headings(CHINESE)
    assert _commands(ENGLISH) == _commands(CHINESE) == ["make nightly", "make test"]
    assert _first_cells(ENGLISH) == _first_cells(CHINESE)
    # The Chinese one links a document's Chinese form where there is one.
    assert _links(ENGLISH)[1:] == [link.replace(".zh-CN.", ".") for link in _links(CHINESE)[1:]]
    assert (_links(ENGLISH)[0], _links(CHINESE)[0]) == (CHINESE.name, ENGLISH.name)
    assert blocks(ENGLISH, "query") == blocks(CHINESE, "query")
    assert blocks(ENGLISH, "query output") == blocks(CHINESE, "query output")


def test_the_readme_names_every_published_mart_and_every_folder() -> None:
    cells = _first_cells(ENGLISH)
    assert sorted(c for c in cells if not c.endswith("/")) == sorted(mart_contracts())
    folders = _folders()
    assert folders, "no folder was found to compare with"
    assert folders <= {c for c in cells if c.endswith("/")}


def test_the_readmes_targets_are_the_makefiles() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    sentence = re.search(r"`make help` [^:]+:(.+)", _prose(ENGLISH))
    assert sentence is not None
    assert {*re.findall(r"`([a-z-]+)`", sentence[1]), "help", "nightly", "test"} == targets


def test_the_readmes_query_prints_what_the_readme_shows(tmp_path: Path) -> None:
    [(_, query)], [(_, shown)] = blocks(ENGLISH, "query"), blocks(ENGLISH, "query output")
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in shown.splitlines()[4:-1]]
    assert len(rows) == 5
    serving = tmp_path / "var" / "serving"
    serving.mkdir(parents=True)
    contract = mart_contracts()["tier_contribution_monthly"]
    with duckdb.connect(str(serving / "marts.duckdb")) as connection:
        columns = ", ".join(f"{ident(c.name)} {c.type}" for c in contract.columns)
        connection.execute(f"create table tier_contribution_monthly ({columns})")
        for row in rows:
            connection.execute(
                "insert into tier_contribution_monthly (month, tier, customer_count, revenue, revenue_share, avg_monthly_spend) "
                "values ('2017-12-01', ?, ?, ?, ?, ?)",
                row,
            )
    done = subprocess.run(
        [sys.executable, "-c", query], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8", "PATH": ""}, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.rstrip() == shown.rstrip()

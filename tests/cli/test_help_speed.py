"""A help text is there at once: no command's module imports at its top what only its work needs."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

from deployments import mainstay

from pipelines.settings import PROJECT_DIR

HEAVY = ("airflow", "dbt", "duckdb", "great_expectations", "numpy", "pandas", "plotly", "pyarrow", "pydantic", "scipy",
         "sqlalchemy", "yaml", "jinja2", "apprise", "psycopg", "open_data_contract_standard")  # fmt: skip

ALL_HELP = f"""
import sys
from typer.main import get_command
from typer.testing import CliRunner
from pipelines.cli.app import app

def names(command, before=()):
    yield before
    for name, inner in getattr(command, "commands", {{}}).items():
        yield from names(inner, (*before, name))

every = list(names(get_command(app)))
assert len(every) > 25, every
for command in every:
    shown = CliRunner().invoke(app, [*command, "--help"])
    assert shown.exit_code == 0 and "Usage" in shown.output, (command, shown.output)
found = sorted(set({HEAVY!r}) & set(sys.modules))
assert not found, f"imported for a help text: {{', '.join(found)}}"
"""


def test_no_help_text_imports_what_is_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALL_HELP], cwd=PROJECT_DIR, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def completed(words: str) -> list[str]:
    environment = {
        "_MAINSTAY_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli"], cwd=PROJECT_DIR, env={**os.environ, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.split()


def test_the_shell_completes_commands_and_marts() -> None:
    assert completed("mainstay qu") == ["query", "quarantine"]
    assert completed("mainstay show dim_t") == ["dim_tiers"]


def test_the_version_is_one_line_that_names_what_it_runs_on() -> None:
    said = mainstay(None, "--version")
    assert said.exit_code == 0
    assert said.stdout.startswith(f"mainstay {version('mainstay')} (")
    assert f"DuckDB {version('duckdb')}" in said.stdout
    assert len(said.stdout.splitlines()) == 1
    assert len(said.stdout) <= 81

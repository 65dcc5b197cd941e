"""What docs/architecture.md names is there: functions, files, models, tasks and layers."""

from __future__ import annotations

import ast
import re
import tomllib
from pkgutil import resolve_name

import pytest

from tests.docs.snippets import PROJECT

TEXT = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`(pipelines(?:\.\w+)+)", TEXT)))


def test_the_page_names_the_functions_that_carry_the_row() -> None:
    assert len(NAMES) > 30


@pytest.mark.parametrize("name", NAMES)
def test_a_function_that_the_page_names_is_there(name: str) -> None:
    found = resolve_name(name)
    assert callable(found) or hasattr(found, "__file__")


def test_a_name_that_is_not_there_is_found_out() -> None:
    with pytest.raises(AttributeError):
        resolve_name("pipelines.load.keys.no_such_function")
    with pytest.raises(AttributeError):
        resolve_name("pipelines.no_such_wing.discover")


def test_the_files_and_models_that_the_page_names_are_there() -> None:
    files = re.findall(r"`((?:pipelines|dags)/[\w/]+\.py)`", TEXT)
    assert len(files) > 2
    assert [f for f in files if not (PROJECT / f).is_file()] == []
    models = set(re.findall(r"`((?:stg|int|fct|dim)_\w+)`", TEXT))
    assert len(models) > 5
    there = {path.stem for path in (PROJECT / "dbt_project" / "models").rglob("*.sql")}
    assert models - there == set()
    macros = "\n".join(p.read_text("utf-8") for p in (PROJECT / "dbt_project" / "macros").rglob("*.sql"))
    assert "macro held_rows(" in macros


def test_the_page_goes_through_the_tasks_of_the_night_in_their_order() -> None:
    headings = re.findall(r"^### (`.+)$", TEXT, re.MULTILINE)
    told = [task for heading in headings for task in re.findall(r"`(\w+)`", heading)]
    wiring = ast.parse((PROJECT / "pipelines" / "orchestrate" / "wiring.py").read_text("utf-8"))
    (chain,) = [f for f in wiring.body if isinstance(f, ast.FunctionDef) and f.name == "land_to_publish"]
    tasks = [f.name for f in chain.body if isinstance(f, ast.FunctionDef)]
    assert len(tasks) > 5
    assert told == tasks


def test_the_layers_on_the_page_are_those_that_the_linter_holds() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers"]
    held = [sorted(re.findall(r"\w+", layer)) for layer in contract["layers"]]
    table = TEXT.split("## What may import what")[1]
    told = [
        sorted(re.findall(r"`(\w+)`", cell)) for cell in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    ]
    assert len(held) > 5
    assert told == held


def test_every_wing_is_in_a_layer_of_the_page() -> None:
    package = PROJECT / "pipelines"
    wings = {p.name for p in package.iterdir() if (p / "__init__.py").is_file()}
    wings |= {p.stem for p in package.glob("*.py") if p.stem != "__init__"}
    table = TEXT.split("## What may import what")[1]
    told = {
        w
        for cell in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
        for w in re.findall(r"`(\w+)`", cell)
    }
    assert wings == told

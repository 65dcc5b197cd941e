"""The files of the dbt project lie where a reader looks for them: one model, one `.sql`, one `.yml` of its name.

`<model>.yml` says what the model is, `<model>_unit_tests.yml` holds its unit tests, and their rows that are too
long for a line are csv, in the same file or in `tests/fixtures`. Files that begin with `_` describe sources.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from dbt_warehouse import DBT_PROJECT, PARSED

MODELS = DBT_PROJECT / "models"
FIXTURES = DBT_PROJECT / "tests" / "fixtures"
LINE_LENGTH = 130  # as of SQL and Python
OF_NO_MODEL = {"semantic": {"semantic_models", "metrics"}, "exposures": {"exposures"}}
"""Folders whose files describe what is made of many models, by what they may hold."""
KEY_TESTS = ("unique", "unique_grain")


def found(folder: Path, pattern: str) -> list[Path]:
    """The files, of which there must be some."""
    files = sorted(folder.rglob(pattern))
    assert files, f"no {pattern} in {folder}"
    return files


@cache
def content(path: Path) -> dict[str, Any]:
    """What the yml says, but for its version."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {key: value for key, value in document.items() if key != "version"}


def tables(test: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The unit test's inputs and what it expects."""
    yield from test["given"]
    yield test["expect"]


def unit_tests() -> list[dict[str, Any]]:
    return [test for path in found(MODELS, "*_unit_tests.yml") for test in content(path)["unit_tests"]]


def test_every_model_has_a_yml_of_its_name_that_describes_it_alone() -> None:
    for model in found(MODELS, "*.sql"):
        yml = model.with_suffix(".yml")
        assert yml.is_file(), f"{model.stem} has no {yml.name} beside it"
        said = content(yml)
        assert list(said) == ["models"], yml.name
        assert [entry["name"] for entry in said["models"]] == [model.stem], yml.name


def test_every_yml_belongs_to_the_model_beside_it_or_describes_sources() -> None:
    for yml in found(MODELS, "*.y*ml"):
        assert yml.suffix == ".yml"
        if yml.parent.name in OF_NO_MODEL:
            assert set(content(yml)) <= OF_NO_MODEL[yml.parent.name], yml.name
        elif yml.name.startswith("_"):
            assert list(content(yml)) == ["sources"], yml.name
        else:
            model = yml.stem.removesuffix("_unit_tests")
            assert yml.with_name(f"{model}.sql").is_file(), f"{yml.name} has no model beside it"


def test_unit_tests_stand_in_a_file_of_their_model() -> None:
    for yml in found(MODELS, "*_unit_tests.yml"):
        said = content(yml)
        assert list(said) == ["unit_tests"], yml.name
        assert {test["model"] for test in said["unit_tests"]} == {yml.stem.removesuffix("_unit_tests")}, (
            yml.name
        )


def test_every_description_begins_with_the_grain() -> None:
    for model in found(MODELS, "*.sql"):
        (entry,) = content(model.with_suffix(".yml"))["models"]
        assert entry["description"].startswith("One row per "), model.stem


def test_every_key_is_tested_or_its_yml_says_where() -> None:
    for model in found(MODELS, "*.sql"):
        yml = model.with_suffix(".yml")
        (entry,) = content(yml)["models"]
        columns = entry.get("columns", [])
        tests = [test for part in (entry, *columns) for test in part.get("data_tests", [])]
        names = {test if isinstance(test, str) else next(iter(test)) for test in tests}
        says_where = "\n  # Key: " in yml.read_text(encoding="utf-8")
        assert bool(names & set(KEY_TESTS)) != says_where, f"{yml.name}: a key test, or a comment `# Key: `"


def test_no_line_of_a_dbt_yml_is_too_long() -> None:
    for yml in found(MODELS, "*.yml"):
        for number, line in enumerate(yml.read_text(encoding="utf-8").splitlines(), start=1):
            assert len(line) <= LINE_LENGTH, f"{yml.name}:{number}: write the rows as csv"


def test_every_fixture_is_used_once_and_begins_with_the_name_of_its_model() -> None:
    used = [
        (table["fixture"], test["model"])
        for test in unit_tests()
        for table in tables(test)
        if "fixture" in table
    ]
    assert sorted(name for name, _ in used) == [path.stem for path in found(FIXTURES, "*")]
    assert [name for name, model in used if not name.startswith(f"{model}__")] == []


def test_csv_rows_have_a_field_for_each_column() -> None:
    """dbt takes a field that is missing for null and drops one too many."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in found(FIXTURES, "*.csv")}
    for test in unit_tests():
        for table in tables(test):
            if table.get("format") == "csv":
                text = texts[table["fixture"]] if "fixture" in table else table["rows"]
                header, *rows = csv.reader(text.splitlines())
                assert rows
                assert {len(row) for row in rows} == {len(header)}, test["name"]


def test_what_is_restricted_is_read_by_restricted_models_alone() -> None:
    folder = MODELS / "restricted"
    restricted = {path.stem for path in folder.rglob("*.sql")}
    for model in found(MODELS, "*.sql"):
        if not model.is_relative_to(folder):
            text = model.read_text(encoding="utf-8")
            assert not restricted & set(re.findall(r"""ref\(\s*['"](\w+)['"]""", text)), model
            assert "restricted." not in text, model


def test_a_configuration_reads_no_variable_but_those_that_tests_parse_anew_for() -> None:
    macros = dict(
        match
        for path in found(DBT_PROJECT / "macros", "*.sql")
        for match in re.findall(
            r"\{% macro (\w+)\(.*?%\}(.*?)\{%-? endmacro", path.read_text("utf-8"), re.DOTALL
        )
    )
    left = [path.read_text("utf-8") for path in found(DBT_PROJECT, "*.yml")]
    for path in found(MODELS, "*.sql"):
        left += re.findall(r"\{\{-?\s*config\(.*?\}\}", path.read_text("utf-8"), re.DOTALL)
    variables: set[str] = set()
    while left:
        text = left.pop()
        variables |= set(re.findall(r"\bvar\('(\w+)'", text))
        left += [macros.pop(name) for name in re.findall(r"\b(\w+)\(", text) if name in macros]
    assert {"grace_months", "amount_scale"} <= variables <= set(PARSED)

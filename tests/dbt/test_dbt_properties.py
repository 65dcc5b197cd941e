"""The dbt property files in the repository are what the contracts say."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.contracts import dbt_properties
from pipelines.errors import ContractError


def test_the_generated_files_equal_what_the_contracts_say() -> None:
    rendered = dbt_properties.render()
    assert len(rendered) > 1
    stale = [
        p.name for p, text in rendered.items() if not p.is_file() or p.read_text(encoding="utf-8") != text
    ]
    assert stale == [], "run make docs"


def test_every_mart_model_has_a_contract() -> None:
    models = list((dbt_properties.DBT_PROJECT / "models" / "marts").rglob("*.sql"))
    assert models
    rendered = dbt_properties.render()
    assert [m.name for m in models if m.with_suffix(".yml") not in rendered] == []


def test_no_contract_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbt_properties, "mart_contracts", dict)
    with pytest.raises(ContractError, match="no mart contract"):
        dbt_properties.render()


def test_a_contract_without_its_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no model"):
        dbt_properties.render(tmp_path)

"""The data dictionary and its kind: generated text is up to date, every column is in it, every mart has its sample rows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import errors
from pipelines.contracts import canonical_contracts, dictionary, generate, mart_contracts, samples
from pipelines.quoting import ident

Kept = tuple[str, dict[str, list[samples.Row]]]


@pytest.fixture
def kept() -> Kept:
    """The sample rows in version control."""
    return samples.read()


def test_generated_files_are_what_contracts_settings_and_samples_say() -> None:
    files, faults = generate.render()
    assert faults == []
    assert sorted(map(str, generate.differing(files))) == []
    assert generate.left_over(files) == []


def test_check_names_a_file_that_differs_and_exits_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "docs" / "data-dictionary"
    path, old = folder / "core.md", folder / "a_domain_that_is_gone.md"
    monkeypatch.setattr(generate, "PROJECT_DIR", tmp_path)
    monkeypatch.setattr(dictionary, "FOLDER", folder)
    monkeypatch.setattr(generate, "render", lambda: ({path: "as it should be\n"}, []))
    folder.mkdir(parents=True)
    path.write_text("edited by hand\n", encoding="utf-8")
    old.write_text("marts of old\n", encoding="utf-8")
    assert generate.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "docs/data-dictionary/core.md" in said
    assert "docs/data-dictionary/a_domain_that_is_gone.md" in said
    assert (path.read_text(encoding="utf-8"), old.exists()) == ("edited by hand\n", True)
    assert generate.main([]) == 0
    assert (path.read_text(encoding="utf-8"), old.exists()) == ("as it should be\n", False)
    assert generate.main(["--check"]) == 0


def test_the_guide_without_its_marks_is_an_error() -> None:
    with pytest.raises(errors.ContractError, match="marks of the settings table"):
        generate.guide("no marks here")


def test_the_dictionary_has_every_column_of_every_contract_and_every_mart_its_rows(kept: Kept) -> None:
    pages = {path.name: text for path, text in dictionary.render(*kept).items()}
    for contract in (*mart_contracts().values(), *canonical_contracts().values()):
        page = f"{contract.domain}.md" if contract.name in mart_contracts() else "sources.md"
        section = pages[page].split(f"\n## {contract.name}\n")[1].split("\n## ")[0]
        for column in contract.columns:
            assert f"\n| `{column.name}` | {column.type} |" in section, f"{contract.name}.{column.name}"
        assert ("Three rows of the demo's night" in section) == (contract.name in mart_contracts())
        assert f"[{contract.name}]({page}#{contract.name})" in pages["README.md"]


def test_a_domain_without_a_heading_gets_a_page_all_the_same(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dictionary, "DOMAINS", {})
    pages = {path.name: text for path, text in dictionary.render(*kept).items()}
    assert pages["wallet.md"].startswith("# Wallet\n\nHow to read this page")
    assert {f"{c.domain}.md" for c in mart_contracts().values()} <= pages.keys()


def test_every_mart_has_three_sample_rows_of_its_contracts_columns_and_types(kept: Kept) -> None:
    _, rows = kept
    assert rows.keys() == mart_contracts().keys()
    for contract in mart_contracts().values():
        names = [c.name for c in contract.columns]
        assert [list(row) for row in rows[contract.name]] == [names] * 3, contract.name
        assert len({tuple(row[k] for k in contract.key) for row in rows[contract.name]}) == 3, contract.name
    assert samples.faults(mart_contracts().values(), rows) == {}


def test_no_mart_shows_a_column_of_personal_data() -> None:
    assert [f"{c.name}.{n.name}" for c in mart_contracts().values() for n in c.columns if n.is_personal] == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (None, "has 0 sample rows where 3 are wanted"),
        (lambda rows: rows[:2], "has 2 sample rows where 3 are wanted"),
        (lambda rows: [{**row, "colour": "red"} for row in rows], "do not have its contract's columns (colour)"),
        (lambda rows: [{k: v for k, v in r.items() if k != "to_tier"} for r in rows], "columns (to_tier)"),
        (lambda rows: [dict(reversed(row.items())) for row in rows], "columns (their order)"),
        (lambda rows: [{**row, "customer_count": "many"} for row in rows], "'many', which is no INTEGER"),
        (lambda rows: [{**row, "month": "2017-12"} for row in rows], "'2017-12', which is no DATE"),
        (lambda rows: [{**row, "transition_rate": "all"} for row in rows], "'all', which is no DOUBLE"),
        (lambda rows: [{**row, "to_tier": None} for row in rows], "has no to_tier, which its contract requires"),
    ],
)  # fmt: skip
def test_a_stale_sample_is_named_with_the_command_that_mends_it(kept: Kept, change: Any, said: str) -> None:
    name = "tier_migration_monthly"
    rows = {n: r for n, r in kept[1].items() if n != name}
    if change is not None:
        rows[name] = change(kept[1][name])
    found = samples.faults(mart_contracts().values(), rows)
    assert found.keys() == {name}
    assert said in found[name]
    assert samples.COMMAND in found[name]


def test_rows_of_a_mart_that_is_gone_are_named(kept: Kept) -> None:
    contracts = [c for c in mart_contracts().values() if c.name != "model_fits"]
    assert "model_fits has sample rows and no contract" in samples.faults(contracts, kept[1])["model_fits"]


def test_faulty_samples_hold_up_no_other_file_and_exit_1(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(samples, "SAMPLES", tmp_path / "samples.json")
    monkeypatch.setattr(generate, "differing", lambda files: {})
    complete = dictionary.render(*kept)[dictionary.FOLDER / "retention.md"]
    assert generate.main([]) == 1
    assert samples.COMMAND in capsys.readouterr().err
    rows = {name: rows for name, rows in kept[1].items() if name != "model_fits"}
    (tmp_path / "samples.json").write_text(samples.text(kept[0], rows), encoding="utf-8")
    files, faults = generate.render()
    assert [said.split(";")[0] for said in faults] == ["model_fits has 0 sample rows where 3 are wanted"]
    text = files[dictionary.FOLDER / "retention.md"]
    assert "Three rows" not in text.split("\n## model_fits\n")[1].split("\n## ")[0]
    assert text.count("Three rows") == complete.count("Three rows") - 1


class Night:
    """A served night of one mart, made up."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / "marts.duckdb"
        self.contract = mart_contracts()[name]
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("create table _publish as select date '2017-05-20' as as_of_date")
            columns = ", ".join(f"{ident(c.name)} {c.type}" for c in self.contract.columns)
            connection.execute(f"create table {ident(name)} ({columns})")

    def rows(self, columns: str, *rows: str) -> list[samples.Row]:
        """The three sample rows after adding some."""
        with duckdb.connect(str(self.path)) as connection:
            for row in rows:
                connection.execute(f"insert into {ident(self.contract.name)} ({columns}) values ({row})")
        as_of_date, taken = samples.take(self.path, [self.contract])
        assert as_of_date == "2017-05-20"
        return taken[self.contract.name]


def test_rows_are_of_the_newest_complete_month_and_of_different_cases(tmp_path: Path) -> None:
    night = Night(tmp_path, "tier_migration_monthly")
    rows = night.rows(
        "month, from_tier, to_tier, customer_count, transition_rate",
        "'2017-05-01', 'gold', 'silver', 1, 1.0",  # the running month
        "'2017-04-01', 'gold', 'gold', 70, 0.97222222",
        "'2017-04-01', 'gold', 'silver', 2, 0.00012345",
        "'2017-04-01', 'new', 'gold', 4, 0.5",
        "'2017-04-01', 'new', 'silver', 4, 0.5",
        "'2017-04-01', 'none', 'new', 9, 1",
        "'2017-03-01', 'silver', 'lapsed', 1, 1",
    )
    shown = [(r["month"], r["from_tier"], r["to_tier"], r["transition_rate"]) for r in rows]
    assert shown == [
        ("2017-04-01", "gold", "gold", "0.9722"),
        ("2017-04-01", "new", "silver", "0.5"),
        ("2017-04-01", "none", "new", "1.0"),
    ]


def test_where_a_month_is_one_row_the_three_newest_are_shown(tmp_path: Path) -> None:
    months = [f"'2017-{month:02}-01', {month}" for month in range(1, 6)]
    rows = Night(tmp_path, "customer_concentration_monthly").rows("month, customer_count", *months)
    assert [r["month"] for r in rows] == ["2017-04-01", "2017-03-01", "2017-02-01"]
    assert rows[0]["gini_revenue"] is None


def test_the_fullest_row_is_shown_and_a_listed_value_outweighs_all_others(tmp_path: Path) -> None:
    night = Night(tmp_path, "customer_retention")
    rows = night.rows(
        "customer_id, status, threshold_basis, median_gap_days",
        "'a', 'active', 'own', null",
        "'b', 'active', 'own', 7",
        "'c', 'active', 'population', 7",
        "'d', 'lapsed', 'population', null",
        "'e', 'new', 'default', null",
    )
    assert [r["customer_id"] for r in rows] == ["b", "d", "e"]


def test_the_samples_command_keeps_the_rows_of_a_served_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = Night(tmp_path, "customer_concentration_monthly")
    rows = night.rows("month, customer_count", *[f"'2017-{month:02}-01', {month}" for month in range(1, 6)])
    monkeypatch.setattr(samples, "SAMPLES", tmp_path / "samples.json")
    monkeypatch.setattr(generate, "mart_contracts", lambda: {night.contract.name: night.contract})
    monkeypatch.setattr(generate, "render", lambda: ({}, []))
    monkeypatch.setattr(dictionary, "FOLDER", tmp_path)
    assert generate.main(["--samples", str(night.path)]) == 0
    assert samples.read() == ("2017-05-20", {night.contract.name: rows})


def test_a_file_that_is_no_served_night_is_refused(tmp_path: Path) -> None:
    marts = list(mart_contracts().values())
    with pytest.raises(errors.ContractError, match=r"give the marts\.duckdb of a night"):
        samples.take(tmp_path / "not_there.duckdb", marts)
    night = Night(tmp_path, "model_fits")
    with pytest.raises(errors.ContractError, match="that the present contracts published"):
        samples.take(night.path, marts)
    changed = replace(night.contract.columns[0], name="another")
    with pytest.raises(errors.ContractError, match="another"):
        samples.take(night.path, [replace(night.contract, columns=(*night.contract.columns, changed))])


def test_the_kept_file_reads_as_it_was_written(kept: Kept) -> None:
    written = samples.SAMPLES.read_text(encoding="utf-8")
    assert written == samples.text(*kept)
    assert list(json.loads(written)) == ["as_of_date", "marts"]

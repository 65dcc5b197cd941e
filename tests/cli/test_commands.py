"""Every command: its help, its exit codes, its errors as one sentence, its JSON, and dry runs that write nothing."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import typer
from deployments import Deployment, create, mainstay, says_one_thing, started

from pipelines import errors
from pipelines.cli import app
from pipelines.cli.common import EXIT_CODES
from pipelines.contracts import canonical_contracts
from pipelines.settings import Settings

DAY = date(2024, 5, 2)

COMMANDS = [[name] for name in sorted(typer.main.get_command(app).commands)] + [  # type: ignore[attr-defined]
    ["quarantine", name] for name in ("list", "show", "export")
]


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def sale(number: int, **changed: object) -> dict[str, object]:
    line = {"transaction_id": f"t{number}", "line_number": 1, "customer_id": f"c{number % 9}"}
    return line | {"transaction_at": f"{DAY} 12:00:00", "net_amount": "12.50"} | changed


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """300 rows loaded, two of them in quarantine, one a duplicate."""
    deployment = create(tmp_path_factory.mktemp("cli") / "shop")
    rows = [sale(n) for n in range(297)]
    bad = [
        sale(500, transaction_at="2024-06-01 00:00:00"),
        sale(501, line_number=-4, customer_id="[red]c[/]"),
    ]
    deployment.land("transactions", DAY, [*rows, rows[0], *bad])
    assert deployment.load()["quarantined"] == 2
    return deployment


@pytest.fixture
def home(loaded: Deployment) -> Path:
    return loaded.settings.home


# --- help ---------------------------------------------------------------------------------------------------


def test_the_commands_are_those_of_the_brief() -> None:
    names = {command[0] for command in COMMANDS}
    assert names >= {
        "init",
        "demo",
        "load",
        "build",
        "validate",
        "publish",
        "nightly",
        "status",
        "quarantine",
        "doctor",
    }


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_says_what_a_command_does(command: list[str]) -> None:
    result = mainstay(None, *command, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.output
    assert max(map(len, result.output.splitlines())) <= 80


def test_help_lists_each_exit_code() -> None:
    codes = {
        e.exit_code
        for e in vars(errors).values()
        if isinstance(e, type) and issubclass(e, errors.MainstayError)
    }
    assert codes == set(range(1, 14))
    for code in (0, *codes):
        assert f"{code} " in EXIT_CODES
    assert "8 the warehouse is locked" in " ".join(mainstay(None, "--help").output.split())


# --- wrong arguments and settings -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nightly", "2024-13-01"], ["2024-13-01", "YYYY-MM-DD"]),
        (["load", "yesterday"], ["yesterday", "YYYY-MM-DD"]),
        (["build", "--as-of", "2.5.2024"], ["2.5.2024", "YYYY-MM-DD"]),
        (["load", "2024-05-03", "2024-05-01"], ["ends (2024-05-01) before it starts (2024-05-03)"]),
        (["load", "--dataset", "sales"], ["unknown dataset sales", "wallet_surveys"]),
        (["validate", "silver"], ["unknown stage 'silver'", "staging"]),
        (["quarantine", "show", "sales"], ["unknown dataset 'sales'", "wallet_surveys"]),
        (["quarantine", "show", "transactions", "--limit", "0"], ["--limit"]),
        (["demo", "--through", "2018-01-01"], ["2018-01-01", "2017-12-31"]),
        (["frobnicate"], ["frobnicate"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_arguments_end_with_2(home: Path, arguments: list[str], words: list[str]) -> None:
    before = files(home / "policies")
    says_one_thing(mainstay(home, *arguments), 2, *words)
    assert files(home / "policies") == before


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"MAINSTAY_TIMEZONE": "Mars/Olympus"}, ["MAINSTAY_TIMEZONE", "Mars/Olympus", "Europe/Paris"]),
        ({"MAINSTAY_CURRENCY": "dollars"}, ["MAINSTAY_CURRENCY", "dollars"]),
        ({"MAINSTAY_TIER_WINDOW_MONTHS": "0"}, ["MAINSTAY_TIER_WINDOW_MONTHS"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_wrong_settings_end_with_2(home: Path, environment: dict[str, str], words: list[str]) -> None:
    says_one_thing(mainstay(home, "status", **environment), 2, "wrong settings", *words)


def test_a_wrong_mainstay_toml_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "mainstay.toml").write_text("timezone = Asia/Shanghai\n", encoding="utf-8")
    says_one_thing(mainstay(tmp_path, "status"), 2, "mainstay.toml cannot be read")
    (tmp_path / "mainstay.toml").write_text('timezon = "Asia/Shanghai"\n', encoding="utf-8")
    says_one_thing(mainstay(tmp_path, "status"), 2, "TIMEZON")


def test_a_wrong_contract_ends_with_2(tmp_path: Path) -> None:
    deployment = started(tmp_path / "shop")
    contract = deployment.settings.contracts / "sources" / "transactions.odcs.yaml"
    contract.write_text(
        contract.read_text(encoding="utf-8").replace("encoding: utf-8", "encoding: klingon"), encoding="utf-8"
    )
    says_one_thing(mainstay(tmp_path / "shop", "land", str(DAY)), 2, "transactions.odcs.yaml", "klingon")


def test_nothing_landed_ends_with_3(tmp_path: Path) -> None:
    started(tmp_path / "shop")
    says_one_thing(
        mainstay(tmp_path / "shop", "nightly"), 3, "no transactions file is landed", "mainstay demo"
    )
    says_one_thing(
        mainstay(tmp_path / "shop", "land", "2024-05-01"), 3, "no transactions file", "just its header"
    )


def test_too_many_rejects_end_with_4(tmp_path: Path) -> None:
    deployment = create(tmp_path / "shop")
    deployment.land("transactions", DAY, [sale(1), sale(2, line_number=-1)])
    result = mainstay(tmp_path / "shop", "load", str(DAY))
    says_one_thing(result, 4, "1 of 2 rows", "line_number", "mainstay quarantine show transactions")
    assert [r["status"] for r in deployment.records("select status from ops.runs")] == ["failed"]
    shown = mainstay(tmp_path / "shop", "quarantine", "show", "transactions", "--json")
    assert [row["line_number"] for row in json.loads(shown.stdout)] == [3]


def test_publishing_before_building_ends_with_5(tmp_path: Path) -> None:
    says_one_thing(
        mainstay(started(tmp_path / "shop").settings.home, "publish"), 5, "never built", "mainstay build"
    )


def test_rolling_back_without_a_version_ends_with_7(home: Path) -> None:
    says_one_thing(mainstay(home, "publish", "--rollback"), 7)
    says_one_thing(mainstay(home, "publish", "--rollback", "--to", "20240101T000000_000000Z-x"), 7)


# --- init -----------------------------------------------------------------------------------------------------


def test_init_writes_a_deployment_that_works_as_it_stands(tmp_path: Path) -> None:
    deployment = started(tmp_path / "shop")
    assert set(deployment.contracts) == set(canonical_contracts())
    result = mainstay(tmp_path / "shop", "doctor", "--json")
    assert result.exit_code == 0, result.output
    assert "error" not in {finding["state"] for finding in json.loads(result.stdout)}


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    started(tmp_path / "shop")
    policy = tmp_path / "shop" / "policies" / "tier_policy.csv"
    policy.write_text("mine\n", encoding="utf-8")
    before = files(tmp_path / "shop")
    says_one_thing(mainstay(None, "init", str(tmp_path / "shop")), 2, "is there already")
    assert files(tmp_path / "shop") == before
    (tmp_path / "file").write_text("", encoding="utf-8")
    says_one_thing(mainstay(None, "init", str(tmp_path / "file")), 2, "is a file")


def test_init_dry_run_writes_nothing(tmp_path: Path) -> None:
    result = mainstay(None, "init", str(tmp_path / "shop"), "--dry-run")
    assert result.exit_code == 0
    assert "would write" in result.output
    assert not (tmp_path / "shop").exists()


def settings_lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        name, is_setting, _ = line.removeprefix("# ").partition(" = ")
        if line.startswith("# ") and is_setting and name in Settings.model_fields:
            yield line.removeprefix("# ")


def test_each_line_of_the_starter_settings_can_be_taken_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = started(tmp_path / "shop").settings.home
    toml = home / "mainstay.toml"
    assert tomllib.loads(toml.read_text(encoding="utf-8")) == {}
    lines = list(settings_lines(toml.read_text(encoding="utf-8")))
    assert len(lines) > 15
    monkeypatch.setenv("MAINSTAY_HOME", str(home))
    for line in [*lines, "\n".join(lines)]:
        toml.write_text(line + "\n", encoding="utf-8")
        given = tomllib.loads(line)
        settings = Settings()
        for name, value in given.items():
            assert str(getattr(settings, name)) in (
                str(value),
                str(float(value)) if isinstance(value, int) else "",
            )


# --- looking without touching -----------------------------------------------------------------------------------


def test_load_dry_run_writes_nothing_into_the_warehouse(tmp_path: Path) -> None:
    deployment = create(tmp_path / "shop")
    deployment.land("transactions", DAY, [sale(1)])
    result = mainstay(tmp_path / "shop", "load", "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["transactions"] == 1
    if deployment.settings.warehouse.exists():
        assert deployment.query(
            "select count(*) from information_schema.tables where table_schema = 'raw'"
        ) in ([(0,)], [(6,)])
    assert mainstay(tmp_path / "shop", "load").exit_code == 0
    again = json.loads(mainstay(tmp_path / "shop", "load", "--dry-run", "--json").stdout)
    assert again.get("transactions", 0) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["doctor"],
        ["quarantine", "list"],
        ["quarantine", "show", "transactions"],
        ["publish", "--versions"],
    ],
)
def test_json_is_one_document(home: Path, arguments: list[str]) -> None:
    result = mainstay(home, *arguments, "--json")
    assert result.exit_code == 0, result.output
    json.loads(result.stdout)


def test_status_before_anything_ran(tmp_path: Path) -> None:
    started(tmp_path / "shop")
    result = mainstay(tmp_path / "shop", "status")
    assert result.exit_code == 0
    assert "nothing yet" in result.output
    assert "none yet" in result.output


def test_status_fits_80_columns_and_names_failures(tmp_path: Path) -> None:
    deployment = create(tmp_path / "shop")
    deployment.land("transactions", DAY, [sale(1)])
    assert mainstay(tmp_path / "shop", "load").exit_code == 0
    deployment.land("transactions", DAY, [sale(1), sale(2, line_number=-1)])
    assert mainstay(tmp_path / "shop", "load", str(DAY)).exit_code == 4
    result = mainstay(tmp_path / "shop", "status")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert all(len(line) <= 80 for line in lines if not line.startswith("published")), result.output
    for word in ("Runs", "failed", "success", "1 of 2 rows", "Datasets", "transactions"):
        assert word in result.output


def test_quarantine_lists_shows_and_exports_with_reasons(home: Path, tmp_path: Path) -> None:
    listed = json.loads(mainstay(home, "quarantine", "list", "--json").stdout)
    assert sum(row["rows"] for row in listed) >= 2
    assert {row["dataset"] for row in listed} == {"transactions"}
    shown = mainstay(home, "quarantine", "show", "transactions", "--date", str(DAY))
    assert "[red]c[/]" in shown.output  # data is data, no markup
    assert "transactions.csv:300" in shown.output
    assert "transaction_at" in shown.output
    assert "line_number" in shown.output
    assert "nothing" in mainstay(home, "quarantine", "show", "transactions", "--date", "2024-05-03").output
    assert "nothing" in mainstay(home, "quarantine", "show", "feedback").output
    target = tmp_path / "rejects.csv"
    assert mainstay(home, "quarantine", "export", "transactions", str(target)).exit_code == 0
    assert target.read_text(encoding="utf-8").count("t50") == 2
    says_one_thing(mainstay(home, "quarantine", "export", "transactions", str(target)), 2, "is there already")


def test_a_damaged_warehouse_is_one_clear_sentence(tmp_path: Path) -> None:
    deployment = create(tmp_path / "shop")
    deployment.land("transactions", DAY, [sale(1)])
    deployment.settings.warehouse.parent.mkdir(parents=True)
    deployment.settings.warehouse.write_bytes(b"no database at all, " * 9999)
    for arguments in (["status"], ["load"], ["quarantine", "list"], ["publish"]):
        says_one_thing(mainstay(tmp_path / "shop", *arguments), 9, "mainstay.duckdb", "mainstay rebuild")

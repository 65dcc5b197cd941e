"""Start a deployment: an own one from commented contracts, or the demo's landing files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.common import (
    JsonFlag,
    clear_errors,
    load_settings,
    out,
    parse_date,
    print_json,
    progress,
)
from pipelines.errors import SettingsError

_NO_TOML = {"home", "var_dir", "contracts_dir", "policies_dir", "models_dir"}
_EXAMPLES = {
    "landing_dir": "/data/exports",
    "closed_days": "sunday, 12-25",
    "duckdb_threads": 4,
    "duckdb_memory_limit": "8GB",
    "serving_group": "bi",
    "bi_url": "https://bi.example.com",
    "openlineage_url": "http://127.0.0.1:5000",
    "lake_dir": "/data/lake",
    "spark_conf": {"spark.executor.memory": "4g"},
}
"""Values to show for the settings that have none by default."""


def _toml() -> str:
    """A mainstay.toml with every setting as a comment."""
    from pipelines.settings import Settings, secret_settings

    left_out = _NO_TOML | secret_settings()
    lines = [
        "# Settings of this Mainstay deployment. Take the # away to change one.",
        "# MAINSTAY_<NAME> in the environment goes before this file. Secrets belong in the environment only.",
        "",
    ]
    for name, field in Settings.model_fields.items():
        if name not in left_out:
            value = _EXAMPLES.get(name, field.default)
            lines += [f"# {field.description}", f"# {name} = {_in_toml(value)}", ""]
    return "\n".join(lines)


def _in_toml(value: object) -> str:
    """JSON writes texts, numbers, true and false as TOML does."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_in_toml(key)} = {_in_toml(inner)}' for key, inner in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


@clear_errors
def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the new deployment; made if it is not there.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be written.")] = False,
) -> None:
    """Write a starter deployment: commented contracts, policies and settings. Existing files are never overwritten."""
    from pipelines.contracts import canonical_contracts
    from pipelines.settings import PROJECT_DIR

    sources = {
        Path("data_contracts/sources") / f"{name}.odcs.yaml": PROJECT_DIR
        / "data_contracts"
        / "sources"
        / f"{name}.odcs.yaml"
        for name in canonical_contracts()
    }
    seeds = PROJECT_DIR / "dbt_project" / "seeds"
    sources |= {Path("policies") / path.name: path for path in sorted(seeds.glob("*.csv"))}
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is a file; name a folder")
    there = [path for path in [*sources, Path("mainstay.toml")] if (folder / path).exists()]
    if there:
        raise SettingsError(
            f"{folder / there[0]} is there already; name an empty folder, or edit the files that are there"
        )
    for path in [*sources, Path("mainstay.toml")]:
        out.print(f"{'would write' if dry_run else 'writing'} {folder / path}", markup=False, soft_wrap=True)
    if dry_run:
        return
    for path, source in sources.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / path)
    (folder / "mainstay.toml").write_text(_toml(), encoding="utf-8")
    landing = folder / "var" / "landing"
    landing.parent.mkdir(
        mode=0o710, exist_ok=True
    )  # readers of the marts pass it, and see only what is theirs
    for name in canonical_contracts():
        (landing / name).mkdir(parents=True, exist_ok=True)
    landing.chmod(0o700)  # who lands files from another account is let in by hand
    out.print(
        f"\nNext: set MAINSTAY_HOME={folder.resolve()}, fit data_contracts/sources/transactions.odcs.yaml to your export "
        "(delete the contracts of datasets you do not have), land a day below var/landing, and run `mainstay doctor`, "
        "then `mainstay nightly`. docs/bring-your-own-data.md walks through it.",
        markup=False,
        soft_wrap=True,
    )


@clear_errors
def demo(
    through: Annotated[
        str | None, typer.Option("--through", help="Last night to write, YYYY-MM-DD; default: 2017-12-31.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be written.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write the demo's landing files: The Complete Journey's 2017; what is simulated in it says so."""
    from pipelines.demo import write_demo

    settings = load_settings()
    with progress("demo", quiet=as_json) as say:
        report = write_demo(
            settings,
            through=parse_date(through),
            dry_run=dry_run,
            progress=lambda name, done, total: say(f"{name} {done:,} of {total:,} files"),
        )
    if as_json:
        print_json(report.as_dict())
        return
    state = "to write" if dry_run else "written"
    for name, count in report.datasets.items():
        out.print(f"  {name:15} {count.rows:>10,} rows in {count.files:,} files, {count.written:,} {state}")
    out.print(
        f"{'would be ' if dry_run else ''}landed in {report.landing} ({report.seconds:.1f} s)",
        markup=False,
        soft_wrap=True,
    )

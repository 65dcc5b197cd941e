"""Writes every generated file: dbt's property files, the data dictionary and the settings table of the guide.

`python -m pipelines.contracts.generate` writes what differs; with `--check` it writes nothing, names what differs and
exits 1. All of it comes from the contracts, `pipelines.settings` and the kept sample rows, so none of it is edited by hand.
With `--samples FILE` the sample rows are first taken anew from a served `marts.duckdb` of the demo.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.contracts import dbt_properties, dictionary, samples
from pipelines.contracts.catalog import mart_contracts
from pipelines.contracts.markdown import cell, code, table
from pipelines.errors import ContractError, MainstayError
from pipelines.settings import PROJECT_DIR, Settings, secret_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

GUIDE = PROJECT_DIR / "docs" / "bring-your-own-data.md"
BEGIN = "<!-- settings: begin, written by `make docs` -->"
END = "<!-- settings: end -->"


def settings_table() -> str:
    """Every setting with its default and meaning, as a Markdown table."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        default = str(default).lower() if isinstance(default, bool) else default
        shown = "the checkout" if name == "home" else "" if default in (None, {}) else code(default)
        in_file = "" if name == "home" or name in secret_settings() else code(name)
        rows.append([code(f"MAINSTAY_{name.upper()}"), in_file, shown, cell(field.description or "")])
    return table(("environment", "mainstay.toml", "default", "meaning"), rows)


def guide(text: str) -> str:
    """The guide's text with the settings table between its two marks made anew."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ContractError(f"{GUIDE}: the marks of the settings table are gone; put {BEGIN} and {END} back")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{settings_table()}\n\n{END}{rest.split(END)[1]}"


def render() -> tuple[dict[Path, str], list[str]]:
    """The text of every generated file by its path, and what is wrong with the sample rows.

    Faulty rows are left out and hold up nothing else: a new mart is built and published before it can have rows.
    """
    try:
        as_of_date, rows = samples.read()
        faults = samples.faults(mart_contracts().values(), rows)
    except ContractError as error:
        as_of_date, rows, faults = "no date", {}, {"": str(error)}
    shown = {name: mart_rows for name, mart_rows in rows.items() if name not in faults}
    files = {
        **dbt_properties.render(),
        **dictionary.render(as_of_date, shown),
        GUIDE: guide(GUIDE.read_text(encoding="utf-8")),
    }
    return files, list(faults.values())


def left_over(files: dict[Path, str]) -> list[Path]:
    """Pages of the dictionary that no contract asks for any more."""
    return sorted(set(dictionary.FOLDER.glob("*.md")) - files.keys())


def differing(files: dict[Path, str]) -> dict[Path, str]:
    """The generated files that are missing or say something else, with the text they should have."""
    return {
        path: text
        for path, text in files.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what differs, or with `--check` only say so; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write the generated files from the contracts and settings.")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs")
    way.add_argument(
        "--samples", type=Path, metavar="FILE",
        help="first take the marts' sample rows anew from the demo's served marts.duckdb; its rows become public",
    )  # fmt: skip
    given = parser.parse_args(arguments)
    try:
        if given.samples is not None:
            taken = samples.take(given.samples, mart_contracts().values())
            samples.SAMPLES.write_text(samples.text(*taken), encoding="utf-8")
        files, faults = render()
        changed, gone = differing(files), left_over(files)
        for path in [*changed, *gone]:
            shown = path.relative_to(PROJECT_DIR)
            if given.check:
                print(f"{shown} is not what the contracts and settings say; run `make docs`", file=sys.stderr)
            elif path in changed:
                path.parent.mkdir(exist_ok=True)
                path.write_text(changed[path], encoding="utf-8")
                print(f"written: {shown}")
            else:
                path.unlink()
                print(f"removed: {shown}")
    except (MainstayError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 1)
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 1 if faults or (given.check and (changed or gone)) else 0


if __name__ == "__main__":
    sys.exit(main())

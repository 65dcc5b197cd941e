"""Writes the files that Superset imports, `deploy/superset/assets`, from the description and the marts' contracts.

`python -m pipelines.bi.assets` writes what differs and removes what is described no more; with `--check` it only names it
and exits 1. An object keeps its identity as long as it keeps its name, so an import changes it in place.
"""

from __future__ import annotations

import argparse
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipelines.bi import charts, datasets, layout
from pipelines.bi.described import SUPERSET, Description, read
from pipelines.errors import MainstayError

if TYPE_CHECKING:
    from collections.abc import Sequence

ASSETS = SUPERSET / "assets"
SERVING_FILE = "SERVING_FILE"
"""Stands for the path of the serving file, which is filled in at the import."""

VERSION = "1.0.0"
"""Version of Superset's import format."""

_NAMES = uuid.uuid5(uuid.NAMESPACE_URL, "mainstay/superset")


def identity(*names: str) -> str:
    """The same UUID for the same names, each time and everywhere."""
    return str(uuid.uuid5(_NAMES, "/".join(names)))


def render(described: Description | None = None) -> dict[Path, str]:
    """The text of every file by its path.

    Raises:
        ContractError: the description is wrong, or does not go with the marts' contracts.
    """
    described = described or read()
    database = identity("database")
    files: dict[str, dict[str, Any]] = {
        # No date, so that the same description gives the same files.
        "metadata": {"version": VERSION, "type": "assets", "timestamp": "2000-01-01T00:00:00+00:00"},
        "databases/mainstay": _database() | {"uuid": database, "version": VERSION},
    }
    times: dict[str, set[str]] = {}
    with datasets.empty_marts() as connection:
        for name, dataset in described.datasets.items():
            found = datasets.asset(name, dataset, described, connection)
            times[name] = {c["column_name"] for c in found["columns"] if c["is_dttm"]}
            files[f"datasets/mainstay/{name}"] = found | {
                "uuid": identity("dataset", name),
                "database_uuid": database,
                "version": VERSION,
            }
    for page, dashboard in described.dashboards.items():
        uuids = {name: identity("chart", page, name) for name in dashboard.charts}
        for name, chart in dashboard.charts.items():
            form = charts.params(chart, described.datasets[chart.data], times[chart.data])
            files[f"charts/{page}_{name}"] = {
                "slice_name": chart.title,
                "viz_type": form["viz_type"],
                "params": form,
                "cache_timeout": None,
                "uuid": uuids[name],
                "dataset_uuid": identity("dataset", chart.data),
                "version": VERSION,
            }
        files[f"dashboards/{page}"] = {
            "dashboard_title": dashboard.title,
            "description": dashboard.read,
            "slug": dashboard.slug,
            "published": True,
            "position": layout.position(dashboard, uuids),
            "metadata": {"color_scheme": "supersetColors", "cross_filters_enabled": True},
            "uuid": identity("dashboard", page),
            "version": VERSION,
        }
    return {ASSETS / f"{name}.yaml": _text(content) for name, content in files.items()}


def _database() -> dict[str, Any]:
    return {
        "database_name": "Mainstay",
        "sqlalchemy_uri": f"duckdb:///{SERVING_FILE}?access_mode=read_only",
        "cache_timeout": 0,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_file_upload": False,
        "extra": {"allows_virtual_table_explore": True},
    }


def _text(content: dict[str, Any]) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, so that a query can be read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def differing(files: dict[Path, str]) -> tuple[dict[Path, str], list[Path]]:
    """The files that are missing or say something else, and those that are described no more."""
    changed = {
        path: text
        for path, text in files.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }
    return changed, sorted(set(ASSETS.rglob("*.yaml")) - files.keys())


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what differs, or with `--check` only say so; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write the files that Superset imports.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs")
    check = parser.parse_args(arguments).check
    try:
        changed, gone = differing(render())
    except MainstayError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    for path in [*changed, *gone]:
        shown = path.relative_to(SUPERSET)
        if check:
            print(f"{shown} is not what the description says; run `make docs`", file=sys.stderr)
        elif path in changed:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(changed[path], encoding="utf-8")
        else:
            path.unlink()
    return 1 if check and (changed or gone) else 0


if __name__ == "__main__":
    sys.exit(main())

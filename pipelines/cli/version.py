"""`mainstay --version`: what is installed, on one line of 80 columns."""

from __future__ import annotations

import platform

import typer

_BENEATH = {"Airflow": "apache-airflow", "dbt": "dbt-core", "DuckDB": "duckdb"}
"""What a night's outcome and its files depend on most; `mainstay doctor` names more."""


def show_version(wanted: bool) -> None:
    """Say the versions and end, where `--version` is given."""
    if not wanted:
        return
    beneath = {name: _installed(package) for name, package in _BENEATH.items()}
    beneath["Python"] = platform.python_version()
    told = ", ".join(f"{name} {number}" for name, number in beneath.items())
    typer.echo(f"mainstay {_installed('mainstay')} ({told})")
    raise typer.Exit


def _installed(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"

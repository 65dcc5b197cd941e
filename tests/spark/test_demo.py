"""`make spark-nightly` beside `make nightly`: the demo's year is published by both engines, with the same marts row by row."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipelines.contracts import mart_contracts
from pipelines.publish import current
from pipelines.quoting import ident, literal
from pipelines.settings import PROJECT_DIR, Settings

from .parity import differences
from .sessions import needs_spark

pytestmark = [pytest.mark.soak, needs_spark]


def published(home: Path, landing: Path, **settings: str) -> Path:
    """Run the commands of the target, and give the file that BI reads."""
    home.mkdir()
    told = {f"MAINSTAY_{name.upper()}": value for name, value in settings.items()}
    told |= {"MAINSTAY_HOME": str(home), "MAINSTAY_LANDING_DIR": str(landing)}
    for command in ("demo", "nightly"):
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", command],
            cwd=PROJECT_DIR, env={**os.environ, **told}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    night = current(Settings(home=home))
    assert night is not None
    return night.path


def test_the_demo_s_night_is_the_same_on_both_engines(tmp_path: Path) -> None:
    files = {
        "one": published(tmp_path / "duckdb", tmp_path / "landing"),
        "other": published(tmp_path / "Shop, North", tmp_path / "landing", engine="spark"),
    }
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for side, path in files.items():
            connection.execute(f"ATTACH {literal(str(path))} AS {side} (READ_ONLY)")
            connection.execute(f"CREATE SCHEMA {ident(f'{side} marts')}")
            for mart in mart_contracts():
                connection.execute(
                    f"CREATE VIEW {ident(f'{side} marts')}.{ident(mart)} AS FROM {side}.main.{ident(mart)}"
                )
        (sales,) = connection.execute("SELECT count(*) FROM one.main.fct_transactions").fetchone() or (0,)
        assert sales > 1_000_000
        assert differences(connection, mart_contracts().values()) == []

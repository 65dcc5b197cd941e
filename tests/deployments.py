"""A deployment of a test's own: contracts, policies, landing files written row by row, steps run in-process."""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from pipelines import steps
from pipelines.cli import app
from pipelines.contracts import SourceContract, source_contracts
from pipelines.quoting import ident, literal
from pipelines.settings import PROJECT_DIR, Settings
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect

Row = Mapping[str, Any]

ODD_NAME = 'O\'Brien #1 $HOME ${x} {{ x }} {% y %}; 100%d %41 *[ab] "q" & ~门店'
"""A folder's name of what SQL, Jinja, shells, addresses and configurations take for more than a name."""

FOREIGN = {
    "DBT_TARGET": "prod",
    "DBT_PROFILES_DIR": "/nowhere",
    "DBT_PROFILE": "another",
    "DBT_FULL_REFRESH": "true",
    "DBT_TARGET_PATH": "/nowhere",
    "DBT_VARS": "{as_of_date: 1999-01-01}",
    "DBT_ENGINE_TARGET": "prod",
    "DBT_EXCLUDE_RESOURCE_TYPES": "model",
    "GX_CLOUD_ACCESS_TOKEN": "t",
    "GX_CLOUD_ORGANIZATION_ID": "o",
    "AIRFLOW_CONFIG": "/nowhere/airflow.cfg",
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://nobody@nowhere/airflow",
    "_AIRFLOW__AS_LIBRARY": "1",
    "OPENLINEAGE_URL": "http://127.0.0.1:9",
    "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
}
"""What other projects may leave in the environment."""


@dataclass
class Deployment:
    """One deployment below a temporary folder; `settings` are its own, whatever the environment says."""

    settings: Settings

    @property
    def contracts(self) -> dict[str, SourceContract]:
        """The contracts in force."""
        return source_contracts(self.settings)

    def path(self, dataset: str, day: date | str, name: str | None = None) -> Path:
        """A landing file's place: the folder of the contract's location, and a name that it matches."""
        contract = self.contracts[dataset]
        ending = {"csv": "csv", "jsonl": "jsonl", "parquet": "parquet"}[contract.format]
        folder = contract.location.replace("{date}", str(day)).rpartition("/")[0]
        return self.settings.landing / folder / (name or f"{dataset}.{ending}")

    def land(self, dataset: str, day: date | str, rows: Iterable[Row], name: str | None = None) -> Path:
        """Write rows as the dataset's landing file of a date, in the contract's format; absent columns are null."""
        contract, path = self.contracts[dataset], self.path(dataset, day, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = {c.source_name: c for c in contract.source_columns}
        wrong = {key for row in rows for key in row} - set(columns)
        assert not wrong, f"{dataset} has no columns {wrong}"
        if contract.format == "csv":
            text = [list(columns), *([_text(row.get(c)) for c in columns] for row in rows)]
            opened = gzip.open if path.name.endswith(".gz") else open
            with opened(path, "wt", encoding=contract.dialect.encoding, newline="") as stream:
                csv.writer(stream, delimiter=contract.dialect.delimiter, lineterminator="\n").writerows(text)
        elif contract.format == "jsonl":
            lines = [json.dumps({k: _json(v) for k, v in row.items()}, ensure_ascii=False) for row in rows]
            path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        else:
            self._parquet(path, contract, list(rows))
        return path

    def _parquet(self, path: Path, contract: SourceContract, rows: list[Row]) -> None:
        names = [c.source_name for c in contract.source_columns]
        with duckdb.connect() as connection:
            texts = pa.table(
                {n: pa.array([_text(r.get(n)) or None for r in rows], pa.string()) for n in names}
            )
            connection.register("texts", texts)
            casts = ", ".join(
                f"cast({ident(c.source_name)} as {c.type}) as {ident(c.source_name)}"
                for c in contract.source_columns
            )
            connection.execute(f"copy (select {casts} from texts) to {literal(str(path))} (format parquet)")
        assert pq.read_metadata(path).num_rows == len(rows)

    def load(self) -> dict[str, Any]:
        """Load all that is landed, by the real loader."""
        run_id = self._start("load", date(2000, 1, 1))
        return steps.load(self.settings, run_id, None, None)

    def build(self, as_of: date, **settings: Any) -> None:
        """Stage and build as of a date, by the real dbt project; `settings` hold for this build alone."""
        given = self.settings.model_copy(update=settings)
        run_id = self._start("build", as_of)
        steps.build(given, run_id, as_of)

    def fit(self, as_of: date, **settings: Any) -> None:
        """Build and fit as of a date: all marts."""
        self.build(as_of, **settings)
        given = self.settings.model_copy(update=settings)
        steps.fit(given, self._start("fit", as_of), as_of)

    def _start(self, kind: str, as_of: date) -> str:
        run_id = ledger.new_run_id(kind, as_of)
        steps.start(self.settings, run_id, kind, as_of)
        return run_id

    def query(self, sql: str, path: Path | None = None) -> list[tuple[Any, ...]]:
        """Rows of a query on the warehouse, or on another DuckDB file."""
        with closing(connect(self.settings, path, read_only=True)) as connection:
            rows: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
            return rows

    def records(self, sql: str, path: Path | None = None) -> list[dict[str, Any]]:
        """As `query`, each row a dict."""
        with closing(connect(self.settings, path, read_only=True)) as connection:
            cursor = connection.execute(sql)
            names = [d[0] for d in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def create(home: Path, policies: Path | None = None, **settings: Any) -> Deployment:
    """A deployment in `home` with the shipped contracts and a copy of some policies (default the shipped ones)."""
    shutil.copytree(policies or PROJECT_DIR / "dbt_project" / "seeds", home / "policies")
    for stray in (home / "policies").glob("*.yml"):
        stray.unlink()
    given = {"duckdb_threads": 2, "lock_timeout_seconds": 30.0} | settings
    return _sharing(Deployment(Settings(home=home, **given)))


def _sharing(deployment: Deployment) -> Deployment:
    share_parsed(deployment.settings)
    return deployment


def share_parsed(settings: Settings) -> None:
    """Let a deployment find what dbt made of the project for others before it: parsing costs more than a small night."""
    folder = settings.var / "dbt"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if "TESTS_PARSED" in os.environ:
        (folder / "parsed").symlink_to(os.environ["TESTS_PARSED"])


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _json(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def mainstay(home: Path | None, *arguments: str, **environment: str) -> Result:
    """Run the command line in this process for a deployment, 80 columns wide, and give what it said."""
    with pytest.MonkeyPatch.context() as patch:
        if home is not None:
            patch.setenv("MAINSTAY_HOME", str(home))
        for name, value in ({"COLUMNS": "80", "MAINSTAY_DUCKDB_THREADS": "2"} | environment).items():
            patch.setenv(name, value)
        return CliRunner().invoke(app, list(arguments), catch_exceptions=True)


def started(home: Path, **settings: Any) -> Deployment:
    """A deployment that `mainstay init` wrote."""
    result = mainstay(None, "init", str(home))
    assert result.exit_code == 0, result.output
    return _sharing(Deployment(Settings(home=home, **settings)))


def says_one_thing(result: Result, exit_code: int, *words: str) -> None:
    """The command ended with this exit code and one clear error that holds the words."""
    text = " ".join(result.output.split())
    assert result.exit_code == exit_code, (
        f"exit code {result.exit_code}: {result.output}\n{result.exception!r}"
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert "Traceback" not in text
    for word in words:
        assert word in text, f"{word!r} is not in: {result.output}"

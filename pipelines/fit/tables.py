"""Schema `fits` of the warehouse: what was fitted, as dbt reads it and as the next night starts from it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import duckdb

from pipelines.fit.outcome import PARAMETERS, Fits, Last
from pipelines.quoting import ident
from pipelines.warehouse.connection import transaction

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "fits"

TABLES: dict[str, dict[str, str]] = {
    "model_fits": {
        "model": "VARCHAR",
        "sample": "VARCHAR",
        "fitted_at": "DATE",
        "customers": "BIGINT",
        "repeat_customers": "BIGINT",
        "is_converged": "BOOLEAN",
        "is_published": "BOOLEAN",
        "reason": "VARCHAR",
        "reason_code": "VARCHAR",
        "limit_model": "VARCHAR",
        "withheld_customers": "BIGINT",
        "log_likelihood": "DOUBLE",
        **dict.fromkeys(PARAMETERS, "DOUBLE"),
    },
    "model_calibration": {
        "model": "VARCHAR",
        "report": "VARCHAR",
        "bucket": "INTEGER",
        "is_holdout": "BOOLEAN",
        "customers": "BIGINT",
        "actual_purchase_days": "BIGINT",
        "predicted_purchase_days": "DOUBLE",
    },
    "purchase_expectations": {
        "repeat_purchase_days": "BIGINT",
        "span_days": "INTEGER",
        "age_days": "INTEGER",
        "p_alive_bg_nbd": "DOUBLE",
        "expected_purchase_days_12m_bg_nbd": "DOUBLE",
        "p_alive_mbg_nbd": "DOUBLE",
        "expected_purchase_days_12m_mbg_nbd": "DOUBLE",
    },
}


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of schema `fits` anew and empty."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    for table, columns in TABLES.items():
        definition = ", ".join(f"{ident(name)} {type_}" for name, type_ in columns.items())
        connection.execute(f"CREATE OR REPLACE TABLE {SCHEMA}.{table} ({definition})")


def write_fits(connection: duckdb.DuckDBPyConnection, fits: Fits, as_of: date) -> None:
    """Replace the tables of schema `fits`, all or none."""
    frames: dict[str, pd.DataFrame] = {
        "model_fits": fits.frame(as_of),
        "model_calibration": fits.calibration,
        "purchase_expectations": fits.expectations,
    }
    with transaction(connection):
        create_tables(connection)
        for table, columns in TABLES.items():
            connection.register("fitted", frames[table][list(columns)])
            connection.execute(f"INSERT INTO {SCHEMA}.{table} FROM fitted")
            connection.unregister("fitted")


def read_last(connection: duckdb.DuckDBPyConnection) -> Last:
    """The parameters that the last fits ended with, by model and sample; none where there were none."""
    known = connection.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = ? AND table_name = 'model_fits'",
        [SCHEMA],
    ).fetchone()
    if known is None or not known[0]:
        return {}
    names = ", ".join(ident(name) for name in PARAMETERS)
    rows = connection.execute(
        f"SELECT model, sample, {names} FROM {SCHEMA}.model_fits WHERE is_converged"
    ).fetchall()
    return {
        (model, sample): {
            name: value for name, value in zip(PARAMETERS, values, strict=True) if value is not None
        }
        for model, sample, *values in rows
    }

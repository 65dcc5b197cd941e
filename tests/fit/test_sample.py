"""What the models are fitted on is read by selects that another engine runs as they are."""

from __future__ import annotations

import pytest
import sqlglot

from pipelines.fit import sample


@pytest.mark.parametrize("name", ["_FULL", "_SPENDS", "_CALIBRATION", "_TRACKING"])
def test_the_selects_mean_the_same_to_spark(name: str) -> None:
    select = getattr(sample, name)
    for_duckdb, for_spark = (
        sqlglot.transpile(select, read=read, write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)[0]
        for read in ("duckdb", "spark")
    )
    # The engines sort nulls to different ends; no column that is sorted by has any.
    assert for_duckdb.replace(" NULLS LAST", "") == for_spark
    assert " NULLS " not in for_spark

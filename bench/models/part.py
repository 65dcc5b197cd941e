"""The Python half of the step `fit` as a process: read the statistics, fit all models, write schema `fits`."""

from __future__ import annotations

import argparse
import json
import os
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb

from pipelines.fit import fit_models, read_sample
from pipelines.fit.tables import read_last, write_fits


def main() -> None:
    """Fit the warehouse that is given, and leave figures for the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m bench.models.part", description=__doc__)
    parser.add_argument("warehouse", type=Path)
    parser.add_argument("--floor", action="store_true", help="only read the statistics: what cannot be saved")
    args = parser.parse_args()
    with closing(duckdb.connect(str(args.warehouse), config={"memory_limit": "1GB"})) as connection:
        sample = read_sample(lambda sql: connection.execute(sql).df())
        items = {"histories": len(sample.full.x)}
        if not args.floor:
            fits = fit_models(sample, read_last(connection))
            write_fits(connection, fits, date(2024, 5, 1))
            items |= {
                "left_out": fits.reasons,
                "parameters": {f.label: dict(f.parameters) for f in fits.fits},
            }
    Path(os.environ["BENCH_RESULT"]).write_text(json.dumps(items), encoding="utf-8")


if __name__ == "__main__":
    main()

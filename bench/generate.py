"""Write the landing files to measure on: `python -m bench.generate FOLDER ROWS MONTHS FORMAT`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from pipelines.demo.scale import generate


def main() -> None:
    """Generate, and give the report's figures."""
    folder, rows, months, kind = sys.argv[1:]
    report = generate(Path(folder), int(rows), int(months), format=kind)
    figures = {
        "first": report.first_date,
        "last": report.last_date,
        "bytes": report.bytes,
        "files": report.files,
    }
    figures["customers"] = report.customers
    Path(os.environ["BENCH_RESULT"]).write_text(json.dumps(figures, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()

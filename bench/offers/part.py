"""The measured part: run the compiled models on a database, `python -m bench.offers.part DATABASE QUERIES`."""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
from pathlib import Path

from bench.offers.models import built
from bench.offers.world import opened


def main() -> None:
    """Run them and say what each took."""
    database, queries = map(Path, sys.argv[1:])
    with closing(opened(database, database.parent)) as connection:
        took = built(connection, json.loads(queries.read_text(encoding="utf-8")))
    Path(os.environ["BENCH_RESULT"]).write_text(json.dumps(took), encoding="utf-8")


if __name__ == "__main__":
    main()

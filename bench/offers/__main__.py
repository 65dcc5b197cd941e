"""`python -m bench.offers`: what the offers hit on the demo, what their caps cost, and what they take at scale.

Writes docs/benchmarks-offers.md. The demo is read from the warehouse that `make nightly` leaves.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

from bench.measure import Measured, run
from bench.offers.models import built, compiled
from bench.offers.report import Hit, Scale, document
from bench.offers.world import FIRST, MONTHS, copy_demo, last_day, make_up, opened
from pipelines.demo.scale_draws import add_months
from pipelines.settings import PROJECT_DIR, load_settings

DAYS_BEFORE_THE_LAST = (0, 31, 94)
"""The as-of dates by their distance from the demo's last day; the cut-offs are 28 days before them."""

CAPS = ((50, 20), (50, 50), (30, 20), (20, 50), (100, 50), (200, 200))
"""Items per customer and neighbours per item; the first pair is ours."""


def main() -> None:
    """Measure the demo, then the scale, and write the document."""
    parser = argparse.ArgumentParser(prog="python -m bench.offers", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--warehouse", type=Path, help="the demo's; default that of this deployment")
    parser.add_argument("--folder", type=Path, help="where to work; default var/bench")
    parser.add_argument("--output", type=Path, default=PROJECT_DIR / "docs" / "benchmarks-offers.md")
    args = parser.parse_args()
    settings = load_settings()
    warehouse = args.warehouse or settings.warehouse
    if not warehouse.exists():
        raise SystemExit(f"{warehouse} is not there: load the demo first (`make nightly`)")
    work = ((args.folder or settings.var / "bench") / "offers").resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        hits = _demo(work, warehouse)
        scale = _scale(work, args.rows, args.seed)
    finally:
        shutil.rmtree(work)
    args.output.write_text(document(hits, scale), encoding="utf-8")
    print(f"written: {args.output}")


def _demo(work: Path, warehouse: Path) -> list[Hit]:
    hits = []
    last = last_day(warehouse)
    for days in DAYS_BEFORE_THE_LAST:
        as_of = last - timedelta(days=days)
        with closing(opened(work / "demo.duckdb", work)) as connection:
            copy_demo(connection, warehouse, as_of)
            for items, neighbours in CAPS:
                print(f"the demo as of {as_of}, {items} items, {neighbours} neighbours …", flush=True)
                figures = {"items_per_customer": items, "neighbours_per_item": neighbours}
                built(connection, compiled(work, str(as_of), figures))
                found = connection.execute(
                    """
                    select list, method, cutoff_date, customers, recall_at_10, ndcg_at_10, hit_rate_at_10
                    from marts.recommendation_evaluation
                    order by list, is_published desc, recall_at_10 desc
                    """
                ).fetchall()
                hits += [Hit((items, neighbours), *row) for row in found]
    return hits


def _scale(work: Path, rows: int, seed: int) -> Scale:
    as_of: date = add_months(FIRST, MONTHS) - timedelta(days=1)
    print(f"making {rows:,} lines up …", flush=True)
    database, queries = work / "scale.duckdb", work / "queries.json"
    with closing(opened(database, work)) as connection:
        make_up(connection, rows, seed)
        customers, products = connection.execute(
            "select count(distinct customer_id), count(distinct product_id) from marts.fct_transactions"
        ).fetchall()[0]
    queries.write_text(json.dumps(compiled(work, str(as_of), {})), encoding="utf-8")
    print("making offers of them …", end=" ", flush=True)
    took: Measured = run("offers", "bench.offers.part", [str(database), str(queries)], dict(os.environ), work)
    print(f"{took.seconds:,.1f} s, {took.cpu_seconds:,.1f} CPU s, {took.peak_mib:,.0f} MiB", flush=True)
    return Scale(rows, customers, products, seed, took)


if __name__ == "__main__":
    main()

"""`python -m bench.purity --histories 300`: many random histories, each loaded from scratch and in a mixed way.

The histories come in chunks, each made up from the seed and its own number and run in a process of its own, so
a seed gives the same histories however many processes share the work. On a difference the tables, their rows and all
that was done are shown, the deployments are kept, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from bench.purity.chunks import CHUNK, Chunk, run
from bench.purity.ways import WAYS, mixed
from pipelines.settings import load_settings


def main() -> None:
    """Parse, run, tell."""
    parser = argparse.ArgumentParser(prog="python -m bench.purity", description=__doc__)
    parser.add_argument("--histories", type=int, default=300)
    parser.add_argument("--seed", type=int, help="to repeat a run; default a random one, which is printed")
    parser.add_argument("--chunk", type=int, help=f"only this chunk of {CHUNK} histories")
    parser.add_argument("--way", choices=[way.__name__ for way in (mixed, *WAYS)], help="only this way")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--shrink", action="store_true", help="look up to five minutes for a smaller case")
    parser.add_argument("--folder", type=Path, help="where to work; default var/bench/purity")
    args = parser.parse_args()
    chosen = random.SystemRandom().randrange(1, 1_000_000) if args.seed is None else args.seed
    folder: Path = (args.folder or load_settings().var / "bench" / "purity").resolve() / f"seed-{chosen}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    chunks = [
        Chunk(chosen, n, min(CHUNK, args.histories - n * CHUNK), folder, args.shrink, args.way)
        for n in range((args.histories + CHUNK - 1) // CHUNK)
        if args.chunk in (None, n)
    ]
    total = sum(chunk.histories for chunk in chunks)
    print(f"seed {chosen}: {total} histories in {len(chunks)} chunks below {folder}", flush=True)
    began, judged, found = time.monotonic(), 0, 0
    with ProcessPoolExecutor(
        args.processes, multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        for done in as_completed([pool.submit(run, chunk) for chunk in chunks]):
            number, count, wrong = done.result()
            judged += count
            if wrong is not None:
                found += 1
                print(f"\nchunk {number} (--seed {chosen} --chunk {number}):\n{wrong}\n", flush=True)
            minutes = (time.monotonic() - began) / 60
            print(
                f" {judged} of {total} histories, {found} chunks with a difference, {minutes:.1f} min",
                flush=True,
            )
    if found:
        sys.exit(1)
    folder.rmdir()
    print(f"seed {chosen}: {judged} histories, every table equal row for row")


if __name__ == "__main__":
    main()

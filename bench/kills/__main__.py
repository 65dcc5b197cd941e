"""`python -m bench.kills`: kill nights, check what is left, run them again; stops at the first broken promise."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.kills.trials import Fell, Trials, plan


def main() -> int:
    """Parse, prepare, kill, report; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="How many kills (200).")
    parser.add_argument(
        "--seed", type=int, default=None, help="Seed of the random kills; default: a new one."
    )
    parser.add_argument(
        "--only", type=int, default=None, metavar="TRIAL", help="Just this trial of the seed."
    )
    parser.add_argument(
        "--keep-going", action="store_true", help="List violations instead of stopping at the first."
    )
    parser.add_argument("--folder", type=Path, default=None, help="A new folder to work in, kept at the end.")
    args = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if args.seed is None else args.seed
    if args.folder is not None and args.folder.exists():
        parser.error(f"{args.folder} exists already; name a new folder")
    work = args.folder or Path(tempfile.mkdtemp(prefix="mainstay-kills-"))
    # A killed night cannot hand back dbt's semaphores; the harness's own tracker does it, and need not say so.
    os.environ["PYTHONWARNINGS"] = "ignore:resource_tracker:UserWarning"
    code = _run(work.resolve(), args.kills, seed, args.only, keep_going=args.keep_going)
    if code == 0 and args.folder is None:
        shutil.rmtree(work)
    return code


def _run(work: Path, kills: int, seed: int, only: int | None, *, keep_going: bool) -> int:
    print(f"seed {seed}; two nights undisturbed …", flush=True)
    trials = Trials(work)
    trials.prepare()
    planned = plan(trials.undisturbed, kills, seed)
    print(
        f"a night takes {trials.undisturbed.seconds:.1f} s and passes {len(trials.undisturbed.moments)} moments; "
        f"{kills} kills in {len(planned)} trials",
        flush=True,
    )
    fell: list[Fell] = []
    violations = 0
    for number, trial in enumerate(planned, start=1):
        if only is not None and number != only:
            continue
        began = time.monotonic()
        text = ", then ".join(map(str, trial))
        print(f"{number}/{len(planned)} {text}", end=" ", flush=True)
        try:
            results = trials.run(trial)
        except AssertionError as error:
            again = f"--kills {kills} --seed {seed} --only {number}"
            print(f"\nVIOLATION: {error}\nOnce more: {again}", flush=True)
            violations += 1
            if not keep_going:
                print(f"The deployment is kept in {trials.home}.")
                return 1
            continue
        fell += results
        print(f"→ {', '.join(f.night for f in results)} ({time.monotonic() - began:.1f} s)", flush=True)
    print(table(fell, trials.undisturbed.moments))
    if violations:
        print(f"seed {seed}: {violations} trials broke a promise; see above.")
        return 1
    print(f"{len(fell)} kills, seed {seed}: each left a whole night, and every night run again converged.")
    return 0


def table(fell: Sequence[Fell], moments: Sequence[str]) -> str:
    """Where the kills fell: per step, in the night's order, how many, and which night BI had after them."""
    order = list(dict.fromkeys(moment.partition(":")[0] for moment in moments))
    order += sorted({f.step for f in fell if f.step} - set(order))
    counts = Counter((f.step, f.night) for f in fell)
    lines = [f"{'step':24}{'kills':>8}{'old night seen':>18}{'new night seen':>18}"]
    for step in [*order, None]:
        old, new = counts[step, "old"], counts[step, "new"]
        if old + new:
            name = {"outside": "between steps", None: "the night was over"}.get(step, step)
            lines.append(f"{name:24}{old + new:>8}{old:>18}{new:>18}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

"""Nights killed with SIGKILL at every boundary and at random moments; the short form is in tests/crashes.

SOAK_KILLS says how many kills (200), SOAK_SEED repeats a run, a test's number in brackets is the trial to run alone.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from tests.soak.kills.trials import Fell, Trials, copy, plan, trials_of

pytestmark = pytest.mark.soak

KILLS = int(os.environ.get("SOAK_KILLS", "200"))


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    """One night published, the next one landed; what that one leaves undisturbed is known."""
    with pytest.MonkeyPatch.context() as patch:
        # A killed night cannot hand back dbt's semaphores; the harness's own tracker does it, and need not say so.
        patch.setenv("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
        trials = Trials(tmp_path_factory.mktemp("kills"))
        trials.prepare()
        yield trials


@pytest.fixture(scope="module")
def fell(trials: Trials) -> Iterator[list[Fell]]:
    """Where the kills fell, shown in the end."""
    fell: list[Fell] = []
    yield fell
    print(f"\n{table(fell, trials.undisturbed.moments)}")


def table(fell: Sequence[Fell], moments: Sequence[str]) -> str:
    """Per step, in the night's order: how many kills fell in it, and which night BI had after them."""
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


@pytest.mark.parametrize("number", range(1, trials_of(KILLS) + 1))
def test_a_kill_leaves_a_whole_night_and_the_night_run_again_converges(
    trials: Trials, fell: list[Fell], seed: int, number: int
) -> None:
    trial = plan(trials.undisturbed, KILLS, seed)[number - 1]
    print(", then ".join(map(str, trial)), end=" ", flush=True)
    try:
        results = trials.run(trial)
    except AssertionError as error:
        kept = trials.work / f"trial-{number}"
        copy(trials.home, kept)
        error.add_note(f"SOAK_SEED={seed} SOAK_KILLS={KILLS} repeats it; the deployment is kept in {kept}")
        raise
    fell += results
    print(f"→ {', '.join(f.night for f in results)}", end=" ", flush=True)

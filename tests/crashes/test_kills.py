"""Nights killed with SIGKILL: BI always has a whole night, and the night run again is as if nothing had happened.

The short form; tests/soak/test_killed_nights.py is the long one. The docstring of tests/soak/kills says what is what.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from shortening import soak

from pipelines.settings import Settings
from tests.soak.kills import world
from tests.soak.kills.checks import Violation, after_kill, after_recovery
from tests.soak.kills.night import Kill
from tests.soak.kills.trials import Trials, boundaries, copy, plan, trials_of

pytestmark = pytest.mark.usefixtures("with_few_checks")


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Trials:
    """One night published, the next one landed; what that one leaves undisturbed is known."""
    trials = Trials(tmp_path_factory.mktemp("kills"))
    trials.prepare()
    copy(trials.home, trials.work / "in_peace")
    return trials


@pytest.fixture
def chance() -> random.Random:
    """Random numbers of a new seed each time; a failed test's output names it."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    return random.Random(seed)


def succeeded(trials: Trials) -> list[str]:
    """The steps of the undisturbed night that were noted as successful, in their order."""
    noted = [m.partition(": ")[2] for m in trials.undisturbed.moments if m.endswith(" noted as success")]
    steps = [note.partition(" ")[0] for note in noted]
    return steps[len(steps) - steps[::-1].index("land") - 1 :]  # before it the landed history was loaded


@pytest.mark.parametrize("kept", [2, soak(8)])
def test_one_killed_night_after_another_and_then_one_in_peace(
    trials: Trials, chance: random.Random, kept: int
) -> None:
    """Each night takes up what all the killed ones before it left: more than one kill can leave.

    In the short form some of the eight, others each time; the last falls at any moment.
    """
    moments = trials.undisturbed.moments
    history, night = (
        [m for m in part if m == "load: statement"] for part in _split(moments, "load: load noted as success")
    )

    def first(step: str, what: str) -> Kill:
        return Kill(chance.choice([m for m in moments if m.startswith(f"{step}: {what}")]))

    kills = [
        ("start", Kill("start: before renaming to lock.json")),
        # In the first half nothing is committed; had the history been loaded, the next kill would be the night's.
        ("load", Kill("load: statement", chance.randint(1, len(history) // 2))),
        ("load", Kill("load: load noted as success")),  # of the landed history
        ("load", Kill("load: statement", chance.randint(1, len(night) // 2))),
        ("validate_raw", first("validate_raw", "suite")),
        ("stage", first("stage", "dbt: stg_")),
        ("build", first("build", "dbt: ")),
        ("publish", Kill("publish: swapped")),
    ]
    kills = [kills[place] for place in sorted(chance.sample(range(len(kills)), kept))]
    last = Kill(seconds=chance.uniform(0, trials.undisturbed.seconds))
    trials.restore()
    fell = []
    for _, kill in [*kills, ("", last)]:
        print(kill)
        fell.append(trials.kill(kill))
    assert [f.step for f in fell[:-1]] == [step for step, _ in kills]
    assert [f.night for f in fell[:-1]] == ["new" if step == "publish" else "old" for step, _ in kills]
    assert fell[-1].night == "new" or kills[-1][0] != "publish"
    trials.recover(len(fell))


def _split(moments: Sequence[str], at: str) -> tuple[Sequence[str], Sequence[str]]:
    return moments[: moments.index(at)], moments[moments.index(at) + 1 :]


@pytest.mark.soak
def test_a_killed_mainstay_nightly_is_simply_run_again(trials: Trials, chance: random.Random) -> None:
    """The real command and its worker die at once, as with their machine, some time after some task's end."""
    task, delay = chance.choice(succeeded(trials)[:-2]), chance.uniform(0, 1)
    print(f"killed {delay:.2f} s after {task}")
    trials.restore()
    settings = world.settings_of(trials.home)
    with mainstay_nightly(trials.home) as (process, lines):
        assert any(f"✓ {task} " in line for line in lines), "the command ended before that task"
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    after_kill(settings, trials.nights)

    with mainstay_nightly(trials.home) as (process, lines):
        said = "".join(lines)
        assert process.wait() == 0, said
    after_recovery(settings, trials.nights, kills=1)
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        steps = connection.execute(
            "SELECT step FROM ops.steps WHERE run_id = (SELECT run_id FROM ops.runs ORDER BY sequence DESC LIMIT 1) "
            "ORDER BY sequence"
        ).fetchall()
    assert [step for (step,) in steps] == succeeded(trials), "the harness's night is not the DAG's"


@contextmanager
def mainstay_nightly(home: Path) -> Iterator[tuple[subprocess.Popen[str], Iterator[str]]]:
    """The command as a person runs it, in a process group of its own, and the lines that it writes."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAINSTAY_")}
    environment |= {"MAINSTAY_HOME": str(home), "MAINSTAY_DUCKDB_THREADS": "2", "TMPDIR": str(home / "tmp")}
    (home / "tmp").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [Path(sys.executable).with_name("mainstay"), "nightly", str(world.SECOND_NIGHT)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield process, iter(process.stdout)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()


def test_the_long_form_kills_at_every_boundary_and_publishing_point(trials: Trials) -> None:
    planned = plan(trials.undisturbed, 200, seed=1)
    kills = [kill for trial in planned for kill in trial]
    assert len(kills) == 200
    assert len(planned) == trials_of(200)
    assert planned == plan(trials.undisturbed, 200, seed=1)
    assert planned != plan(trials.undisturbed, 200, seed=2)
    wanted = boundaries(trials.undisturbed.moments)
    for step in succeeded(trials):
        notes = [f"{step}: {step} noted as {status}" for status in ("running", "success")]
        ends = [f"outside: before {step}", f"{step}: done", *notes]
        assert {*ends} <= {kill.moment for kill in wanted}, f"{step} has no boundary"
    assert {*wanted, Kill("publish: swapped"), Kill("publish: linked")} <= {*kills}
    assert any(kill.seconds is not None for kill in kills)
    assert any(len(trial) == 2 for trial in planned)


def run_left_running(settings: Settings) -> None:
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("UPDATE ops.runs SET status = 'running'")


def row_lost(settings: Settings) -> None:
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("DELETE FROM raw.transactions WHERE transaction_id = 't0501-3'")


def mart_served_cut_short(settings: Settings) -> None:
    path = settings.serving / "marts.duckdb"
    shutil.copy2(path, path.with_name("copy"))
    path.with_name("copy").replace(path)  # not in the version's file, which is the same one
    path.chmod(0o600)
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM customer_retention WHERE customer_id = 'c1'")


def page_of_another_night(settings: Settings) -> None:
    path = settings.serving / "report.html"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('content="2', 'content="1', 1), encoding="utf-8")


def left(name: str) -> Callable[[Settings], None]:
    """Leave a file of this name below the deployment."""
    return lambda settings: (settings.home / name).write_text("", encoding="utf-8") and None


@pytest.mark.parametrize(
    ("leave", "found"),
    [
        (run_left_running, "still has running"),
        soak(row_lost, "raw.transactions"),
        (mart_served_cut_short, "customer_retention has"),
        (page_of_another_night, "report.html is not the whole page of the served night"),
        (left("var/serving/.report.html.partial"), ".report.html.partial"),
        soak(left("var/warehouse/lock.77.tmp"), "lock.77.tmp"),
        soak(left("var/warehouse/mainstay.duckdb.wal.checkpoint"), "wal.checkpoint"),
        soak(left("var/serving/.building-20240501"), ".building-20240501"),
        soak(left("var/data_docs/half.tmp"), "half.tmp"),
        soak(left("tmp/mainstay-validate-x"), "mainstay-validate-x"),
    ],
)
def test_what_a_kill_could_leave_is_seen(
    trials: Trials, tmp_path: Path, leave: Callable[[Settings], None], found: str
) -> None:
    copy(trials.work / "in_peace", tmp_path / "home")
    settings = world.settings_of(tmp_path / "home")
    after_recovery(settings, trials.nights, kills=0)
    leave(settings)
    with pytest.raises(Violation, match=found):
        after_recovery(settings, trials.nights, kills=0)

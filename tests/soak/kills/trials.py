"""Which kills to try, and one trial: a copy of the world, a kill or two in its second night, the night again."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.soak.kills import world
from tests.soak.kills.checks import EMPTY, Nights, Violation, after_kill, after_recovery, held, served
from tests.soak.kills.night import Ended, Kill, NightServer

Trial = tuple[Kill, ...]
"""The kills that one night suffers one after the other; then it is run again in peace."""

_AGAIN = 6
"""Every so many-th kill hits the night that recovers from the kill before it."""

_BOUNDARY = re.compile(r": (before \w+|done|\w+ noted as \w+)$")
_PUBLISHING = re.compile(r"^publish: (?!statement|warehouse closed|before renaming to lock)")


@dataclass(frozen=True)
class Fell:
    """Where a kill fell, and which night BI had after it; `step` is None where the night was over before."""

    kill: Kill
    step: str | None
    night: str


@dataclass
class Trials:
    """A world to try kills in. `prepare` first."""

    work: Path
    engine: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the engine, where it is not DuckDB."""
    server: NightServer = field(default_factory=NightServer)
    nights: Nights = field(init=False)
    undisturbed: Ended = field(init=False)

    @property
    def home(self) -> Path:
        """The deployment that suffers; always the same folder, because the ledger knows its landing files by path."""
        return self.work / "home"

    def prepare(self) -> None:
        """Publish the first night, keep a copy with the second one landed, and see what that one leaves undisturbed."""
        self.work.mkdir(parents=True, exist_ok=True)
        world.start(self.home, self.engine)
        settings = world.settings_of(self.home)
        self.server.night(self.home, world.FIRST_NIGHT)
        old = served(settings)
        world.land_second_night(self.home)
        copy(self.home, self.work / "landed")
        self.undisturbed = self.server.night(self.home, world.SECOND_NIGHT)
        self.nights = Nights(old, served(settings), held(settings))
        # A table without a row in either night, as the calibration of so small a shop, or of the policy alone cannot be of
        # the wrong one.
        alike = {name for name, rows in old.items() if self.nights.new[name] == rows != EMPTY}
        if same := sorted(alike - {"dim_tiers"}):
            raise Violation(
                f"the two nights cannot be told apart by {same}; make the world's second night change them"
            )
        after_recovery(settings, self.nights, kills=0)

    def restore(self) -> None:
        """The second night is landed, and nothing of it has been run."""
        shutil.rmtree(self.home)
        copy(self.work / "landed", self.home)

    def kill(self, kill: Kill) -> Fell:
        """Run the second night as far as the kill, and look at what BI has then."""
        ended = self.server.night(self.home, world.SECOND_NIGHT, kill)
        night = after_kill(world.settings_of(self.home), self.nights)
        return Fell(kill, ended.step if ended.killed else None, night)

    def recover(self, kills: int) -> None:
        """Run the second night again in peace; everything is as if there had been no kill."""
        self.server.night(self.home, world.SECOND_NIGHT)
        after_recovery(world.settings_of(self.home), self.nights, kills)

    def run(self, trial: Trial) -> list[Fell]:
        """One trial from the beginning.

        Raises:
            AssertionError: a promise did not hold, or the night that was run again failed.
        """
        self.restore()
        fell = [self.kill(kill) for kill in trial]
        self.recover(len(trial))
        return fell


def copy(source: Path, target: Path) -> None:
    """As `cp -a`: hard links stay links, as the serving file and its version are one file."""
    subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(target)], check=True)


def boundaries(moments: Sequence[str]) -> list[Kill]:
    """Before and after every step, and just after each of its two entries in the ledger."""
    return [kill for kill in numbered(moments) if _BOUNDARY.search(kill.moment or "")]


def numbered(moments: Sequence[str]) -> list[Kill]:
    """A kill for each moment of a night, in their order."""
    seen: Counter[str] = Counter()
    kills = []
    for moment in moments:
        seen[moment] += 1
        kills.append(Kill(moment, seen[moment]))
    return kills


def plan(undisturbed: Ended, kills: int, seed: int) -> list[Trial]:
    """`kills` kills: each step boundary and publishing point once, the rest at random moments and random times.

    Too few kills for all boundaries and points are a sample of them, and a quarter are random. Random moments are
    drawn step by step, because a step of many statements is not more likely to be the one at fault.
    """
    chance = random.Random(seed)
    every = numbered(undisturbed.moments)
    publishing = [kill for kill in every if _PUBLISHING.search(kill.moment or "")]
    fixed = list(dict.fromkeys([*boundaries(undisturbed.moments), *publishing]))
    most = kills * 3 // 4
    chosen = fixed if len(fixed) <= most else chance.sample(fixed, most)
    by_step: dict[str, list[Kill]] = {}
    for kill in every:
        by_step.setdefault(kill.moment.partition(":")[0], []).append(kill)

    def anywhere() -> Kill:
        if chance.random() < 0.5:
            return Kill(seconds=chance.uniform(0, undisturbed.seconds))
        return chance.choice(by_step[chance.choice(sorted(by_step))])

    chosen += [anywhere() for _ in range(kills - len(chosen))]
    chance.shuffle(chosen)
    trials: list[Trial] = []
    for number, kill in enumerate(chosen, start=1):
        if number % _AGAIN:
            trials.append((kill,))
        else:
            trials[-1] = (*trials[-1], kill)
    return trials


def trials_of(kills: int) -> int:
    """How many trials `plan` makes of so many kills."""
    return kills - kills // _AGAIN

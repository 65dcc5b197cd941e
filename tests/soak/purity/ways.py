"""Ways to the same final state: what is landed, loaded and built in which order. Each ends with one that is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines import steps
from pipelines.errors import BuildError, ValidationFailedError
from pipelines.settings import Settings
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect
from tests.soak.purity.histories import History, Policy, Round, is_filled
from tests.soak.purity.landing import Files, Partition, land

if TYPE_CHECKING:
    from pathlib import Path

Rounds = Iterator[Round]

TIERS = (("diamond", 1000), ("gold", None), ("silver", 300), ("ordinary", 0))


@dataclass
class World:
    """One deployment in `home`, and what was done to it so far, as sentences."""

    home: Path
    history: History
    done: list[str] = field(default_factory=list)
    engine: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the engine, where it is not DuckDB."""

    def __post_init__(self) -> None:
        """A new deployment with the history's first policy."""
        self.landed: dict[Partition, Files | None] = {}
        self.set_policy(self.history.policy)
        (self.home / "policies" / "peer_attributes.csv").write_text(
            "level,attribute\n1,age_band\n1,income_band\n2,income_band\n", encoding="utf-8"
        )

    def set_policy(self, policy: Policy) -> None:
        """Edit the policy files and the settings."""
        self.settings = Settings(
            home=self.home,
            duckdb_threads=2,
            tolerated_key_reuse_rate=1,  # few ids, so that keys come again on purpose
            default_margin_rate=policy.default_margin_rate,
            **dict(self.history.settings),
            **self.engine,
        )
        folder = self.home / "policies"
        folder.mkdir(parents=True, exist_ok=True)
        rates = "".join(f"{category},{rate}\n" for category, rate in policy.margin_rates)
        (folder / "margin_rates.csv").write_text(f"category,margin_rate\n{rates}", encoding="utf-8")
        tiers = "".join(
            f"2000-01-01,{tier},{tier},{tier},{rank},{policy.gold_bound if bound is None else bound}\n"
            for rank, (tier, bound) in enumerate(TIERS, start=1)
        )
        self._set_points(folder, policy.points_per_unit)
        header = "valid_from,tier,label_zh,label_en,tier_rank,lower_bound\n"
        (folder / "tier_policy.csv").write_text(header + tiers, encoding="utf-8")

    def _set_points(self, folder: Path, per_unit: float) -> None:
        files = {
            "points_rates": ("category,points_per_currency_unit", f"all,{per_unit}"),
            "points_multipliers": ("tier,multiplier", "gold,1.5"),
            "points_expectations": ("points_value,expected_redemption_rate", "0.01,0.9"),
        }
        for name, (columns, row) in files.items():
            rows = f"2000-01-01,{row}\n" if per_unit else ""
            (folder / f"{name}.csv").write_text(f"valid_from,{columns}\n{rows}", encoding="utf-8")

    def go(self, way: Callable[[History], Rounds]) -> None:
        """Go this way to the history's final state."""
        self.done.append(f"{way.__name__}:")
        for round_ in (*way(self.history), final_round(self.history)):
            self.take(round_)

    def take(self, round_: Round) -> None:
        """Land, load, edit and build as the round says."""
        for partition, files in round_.landed.items():
            self._land(partition, files)
        self._load(round_)
        if round_.policy is not None:
            self._say(f"policy {round_.policy}")
            self.set_policy(round_.policy)
        if round_.as_of is not None and round_.is_refused:
            try:
                self._build(round_.as_of)
            except BuildError as error:
                self._say(f"refused: {error}")
            else:
                raise AssertionError("a build that must be refused went well")
        elif round_.as_of is not None:
            self._build(round_.as_of)

    def _land(self, partition: Partition, files: Files | None) -> None:
        if self.landed.get(partition) == files and partition in self.landed:
            return
        self.landed[partition] = files
        land(self.settings, partition, files)
        if files is None:
            self._say(f"land {partition}: no file")
        elif is_filled(files):
            self._say(
                f"land {partition}:",
                *(f"{n}: {dict(row)}" for n, rows in sorted(files.items()) for row in rows),
            )
        else:
            self._say(f"land {partition}: no rows")

    def _load(self, round_: Round) -> None:
        what = f"{round_.dataset or 'all'} {round_.day or ''}".strip()
        ways = {"reload": round_.is_reload, "remove_missing": round_.is_removing}
        self._say(" ".join([f"load {what}", *(name for name, is_on in ways.items() if is_on)]))
        run_id = self._start("load", self.history.as_of)
        datasets = [round_.dataset] if round_.dataset else None
        steps.load(self.settings, run_id, round_.day, round_.day, datasets=datasets, **ways)

    def _build(self, as_of: date) -> None:
        self._say(f"build as of {as_of}")
        try:
            run_id = self._start("build", as_of)
            steps.build(self.settings, run_id, as_of)
            steps.fit(self.settings, run_id, as_of)
        except ValidationFailedError:
            # On the way a dataset may lose every row, which its expectations refuse; in the end none has.
            empty = self._empty_datasets()
            if not empty:
                raise
            self._say(f"refused: no rows of {', '.join(empty)}")

    def _empty_datasets(self) -> list[str]:
        with closing(connect(self.settings, read_only=True)) as connection:
            names = sorted({p.dataset for p in self.history.final})
            return [n for n in names if not connection.execute(f"select 1 from raw.{n} limit 1").fetchone()]

    def _start(self, kind: str, as_of: date) -> str:
        run_id = ledger.new_run_id(kind, as_of)
        steps.start(self.settings, run_id, kind, as_of)
        return run_id

    def _say(self, *lines: str) -> None:
        self.done.append("\n      ".join(lines))


def final_round(history: History) -> Round:
    """The final files are landed, all is loaded, files that are gone leave nothing, and the marts are built."""
    return Round(history.final, is_removing=True, policy=history.policy, as_of=history.as_of)


def _first_versions(history: History) -> dict[Partition, Files | None]:
    return {**history.final, **history.earlier}


def _of_day(history: History, day: date) -> dict[Partition, Files | None]:
    return {p: files for p, files in history.final.items() if p.day == day}


def from_scratch(history: History) -> Rounds:
    """One load of the final files and one build."""
    yield from ()


def daily(history: History) -> Rounds:
    """Night by night, each built as of its own date, the last one in the end."""
    *nights, last = history.days
    for day in nights:
        yield Round(_of_day(history, day), day=day, as_of=day)
    yield Round(_of_day(history, last), day=last)


def shuffled(history: History) -> Rounds:
    """The dates in another order, with a build half way."""
    days = history.days[1::2] + [day for day in reversed(history.days) if day not in history.days[1::2]]
    for n, day in enumerate(days):
        yield Round(_of_day(history, day), day=day, as_of=history.as_of if n == len(days) // 2 else None)


def reloaded(history: History) -> Rounds:
    """Everything twice, with a build after the first time."""
    yield Round(history.final, is_removing=True, as_of=history.as_of)
    yield Round(history.final, is_reload=True)


def corrected(history: History) -> Rounds:
    """First versions, then the corrections from the newest to the oldest."""
    yield Round(_first_versions(history), as_of=history.as_of)
    corrections = list(reversed(history.earlier))
    half = len(corrections) // 2
    yield Round({p: history.final[p] for p in corrections[:half]}, is_removing=True, as_of=history.as_of)
    yield Round({p: history.final[p] for p in corrections[half:]}, is_removing=True)


def corrected_in_order(history: History) -> Rounds:
    """First versions, then the corrections dataset by dataset from the oldest date on, built once half way."""
    yield Round(_first_versions(history), as_of=history.as_of)
    names = sorted({p.dataset for p in history.earlier}, reverse=True)
    for n, name in enumerate(names):
        landed = {p: history.final[p] for p in history.earlier if p.dataset == name}
        as_of = history.as_of if n == len(names) // 2 else None
        yield Round(landed, dataset=name, is_removing=True, as_of=as_of)


def there_and_back(history: History) -> Rounds:
    """The final files, built as of the middle by other policies, then as of the beginning."""
    middle = history.days[len(history.days) // 2]
    yield Round(history.final, is_removing=True, policy=history.other_policy, as_of=middle)
    yield Round({}, policy=history.policy, as_of=history.days[0])


def repriced(history: History) -> Rounds:
    """The final files, built by other policies first."""
    yield Round(history.final, is_removing=True, policy=history.other_policy, as_of=history.as_of)


def emptied_and_back(history: History) -> Rounds:
    """Everything, then every second partition is gone and built without, then comes back."""
    yield Round(history.final, as_of=history.as_of)
    gone: dict[Partition, Files | None] = dict.fromkeys(list(history.final)[::2])
    yield Round(gone, is_removing=True, as_of=history.as_of)


def refused(history: History) -> Rounds:
    """First versions and a build, then corrections along with a merge that goes in a circle, which is refused."""
    yield Round(_first_versions(history), as_of=history.as_of)
    place = Partition("customers", history.days[0])
    circle = ({"customer_id": f"c{n}", "merged_into_customer_id": f"c{m}"} for n, m in ((98, 99), (99, 98)))
    landed = {**dict(list(history.final.items())[::2]), place: {"a": tuple(circle)}}
    yield Round(landed, is_removing=True, as_of=history.as_of, is_refused=True)
    yield Round({place: history.final.get(place)}, is_removing=True)


def mixed(history: History) -> Rounds:
    """The history's own random way."""
    yield from history.rounds


WAYS: tuple[Callable[[History], Rounds], ...] = (
    daily,
    shuffled,
    reloaded,
    corrected,
    corrected_in_order,
    there_and_back,
    repriced,
    emptied_and_back,
    refused,
)

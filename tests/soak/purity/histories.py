"""Small random histories of all datasets, made to be nasty.

Few ids, so that a key comes again: in one file, in the date's other file, on another date, at another business
date. Rows that come months late, returns, products that change their category, customers that change and
merge, answers to feedback that come later than it or after the as-of date, teams that move store, dates that are
corrected, emptied and deleted, policies that are edited between two builds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from hypothesis import strategies as st

from tests.soak.purity.landing import Files, Partition, Row
from tests.soak.purity.programmes import points_redemptions
from tests.soak.purity.voices import CUSTOMERS, LATE, at, employee_surveys, employees, feedback, interactions

DAYS = [date(2024, *day) for day in ((1, 10), (1, 31), (2, 1), (2, 29), (4, 15), (6, 30))]
AS_OF = [*DAYS[1:], date(2024, 3, 20), date(2024, 7, 3)]
CATEGORIES = ["dairy", "wine", "toys"]
BRANDS = ["ours", "theirs", "others"]


@dataclass(frozen=True)
class Policy:
    """What the loyalty manager edits between two builds, and settings that the first marts hang on."""

    margin_rates: tuple[tuple[str, float], ...] = ()
    default_margin_rate: float = 0.25
    gold_bound: int = 500
    points_per_unit: float = 0
    """Points of each unit of money; 0: there is no programme."""


@dataclass(frozen=True)
class Round:
    """Files are landed, some of what is landed is loaded, and the marts are built."""

    landed: Mapping[Partition, Files | None]
    day: date | None = None
    """Load this date alone."""
    dataset: str | None = None
    """Load this dataset alone."""
    is_reload: bool = False
    """Load unchanged partitions too."""
    is_removing: bool = False
    """Empty the partitions whose files are gone."""
    policy: Policy | None = None
    """None: as it is."""
    as_of: date | None = None
    """None: no build."""
    is_refused: bool = False
    """The build must fail."""


@dataclass(frozen=True, repr=False)  # what was done is shown step by step where it matters
class History:
    """What is landed in the end, what was landed before, and as of when the marts are built in the end."""

    final: Mapping[Partition, Files | None]
    earlier: Mapping[Partition, Files | None]
    """First versions of some partitions, as they were before a correction."""
    as_of: date
    policy: Policy
    other_policy: Policy
    settings: tuple[tuple[str, Any], ...]
    rounds: tuple[Round, ...] = ()
    """A mixed way to the final state, which follows after it."""

    @property
    def days(self) -> list[date]:
        """All dates with a partition, in order."""
        return sorted({partition.day for partition in self.final})


SETTINGS = (
    (("tier_window_months", 2), ("revenue_retention_window_months", 2)),
    (
        *(("tier_window_months", 3), ("soft_landing", True), ("grace_months", 1)),
        *(("points_expiry_months", 2), ("points_on_shortfall", "write_off")),
    ),
)
SMALL = (
    ("new_customer_months", 1),
    ("benchmark_min_peers", 2),
    ("default_lapsed_days", 40),
    ("min_group_answers", 1),
    ("min_team_size", 2),
)
POLICIES = st.builds(
    Policy,
    margin_rates=st.sampled_from([(), (("dairy", 0.4),), (("dairy", 0.1), ("wine", 0.55), ("unknown", 0.3))]),
    default_margin_rate=st.sampled_from([0.25, 0.6]),
    gold_bound=st.sampled_from([500, 400]),
    points_per_unit=st.sampled_from([0, 1, 1, 0.5]),
)


def _transactions(day: date) -> st.SearchStrategy[Row]:
    return st.builds(
        lambda number, line, customer, product, late, cents, quantity, cost: {
            "transaction_id": f"t{number}",
            "line_number": line,
            "customer_id": customer,
            "product_id": product,
            "transaction_at": at(day, late),
            "quantity": quantity,
            "net_amount": f"{cents / 100:.2f}",
            "cost_amount": cost,
            "store_id": f"s{number % 3}" if number % 3 else None,
            "discount_amount": "0.50" if number % 4 == 1 else None,
        },
        st.integers(1, 9),
        st.sampled_from([1, 1, 2]),
        st.sampled_from(CUSTOMERS),
        st.sampled_from(["p1", "p2", "p3", "p9", None]),
        st.sampled_from(LATE),
        st.integers(-3_000, 150_000),
        st.sampled_from(["1", "2", None]),
        st.sampled_from(["1.50", None, None]),
    )


def _customers(_: date) -> st.SearchStrategy[Row]:
    # Always into a lower number, so that merges may chain but never go round in a circle, which is refused.
    def row(number: int, region: str | None, bands: tuple[str | None, ...], into: int, referrer: int) -> Row:
        return {
            "customer_id": f"c{number}",
            "full_name": f"Name {number}",
            "region": region,
            **dict(zip(("age_band", "income_band"), bands, strict=True)),
            "merged_into_customer_id": f"c{into}" if 0 < into < number else None,
            "referred_by_customer_id": f"c{referrer}" if referrer not in (0, number) else None,
            "account_manager_employee_id": "e1" if referrer == 1 else None,
            # Care is for those who agree, and by the way that they prefer.
            "is_marketing_consent": {0: None, 3: "false"}.get(into, "true"),
            "preferred_channel": "phone" if referrer == 2 else None,
        }

    some = st.sampled_from(["low", "high", None])
    into = st.sampled_from([0, 0, 0, 1, 2, 3])
    return st.builds(row, st.integers(1, 6), some, st.tuples(some, some), into, st.integers(0, 3))


def _products(_: date) -> st.SearchStrategy[Row]:
    return st.builds(
        lambda number, category, cost: {
            "product_id": f"p{number}",
            "category": category,
            "unit_cost": cost,
            "source_system": "erp",
        },
        st.integers(1, 4),
        st.sampled_from(CATEGORIES),
        st.sampled_from([None, "3.5"]),
    )


def _wallet_surveys(day: date) -> st.SearchStrategy[Row]:
    # A survey has one respondent and one moment, whatever line of it comes again in which file.
    return st.builds(
        lambda number, category, brand, rank, wallet: {
            "survey_id": f"s{number}-{day}",
            "category": category,
            "brand": brand,
            "customer_id": f"c{number}",
            "surveyed_at": at(day, LATE[number]),
            "is_own_brand": brand == "ours",
            "preference_rank": rank,
            "declared_wallet": wallet,
        },
        st.integers(1, 4),
        st.sampled_from(CATEGORIES),
        st.sampled_from(BRANDS),
        st.sampled_from(["1", "2", "2", "3"]),
        st.sampled_from(["80.00", "900.00", None]),
    )


ROWS = {
    "transactions": _transactions,
    "customers": _customers,
    "products": _products,
    "wallet_surveys": _wallet_surveys,
    "feedback": feedback,
    "interactions": interactions,
    "employees": employees,
    "employee_surveys": employee_surveys,
    "points_redemptions": points_redemptions,
}
EMPTIED: Files = {"a": ()}
CAN_BE_EMPTY = {
    *("transactions", "customers", "feedback", "interactions", "employees", "employee_surveys"),
    "points_redemptions",
}
"""Formats with a header. JSON Lines have none: a file without a line is refused as a broken export."""


def _files(partition: Partition) -> st.SearchStrategy[Files]:
    most = 7 if partition.dataset == "transactions" else 4
    rows = st.lists(ROWS[partition.dataset](partition.day), min_size=1, max_size=most).map(tuple)
    return st.dictionaries(st.sampled_from(["a", "b"]), rows, min_size=1)


def is_filled(files: Files | None) -> bool:
    """Whether the partition has a row."""
    return any((files or {}).values())


@st.composite
def _versions(draw: st.DrawFn, partition: Partition, is_kept: bool) -> tuple[Files | None, Files | None]:
    """The final version of a partition and one before a correction, often the same."""
    before = draw(_files(partition))
    kinds = ["same", "same", "other", "fewer", "none before"]
    if not is_kept:
        kinds += ["deleted", "emptied"] if partition.dataset in CAN_BE_EMPTY else ["deleted"]
    kind = draw(st.sampled_from(kinds))
    if kind == "other":
        return draw(_files(partition)), before
    if kind == "fewer":  # the usual correction: the second file gone, some rows less
        name, rows = min(before.items())
        return {name: rows[: (len(rows) + 1) // 2]}, before
    if kind == "none before":
        return before, None
    return {"emptied": EMPTIED, "deleted": None}.get(kind, before), before


@st.composite
def histories(draw: st.DrawFn, max_rounds: int = 3) -> History:
    """A history; with `max_rounds` 0 without a mixed way."""
    final: dict[Partition, Files | None] = {}
    earlier: dict[Partition, Files | None] = {}
    for dataset in ROWS:
        least = 3 if dataset == "transactions" else 1
        days = draw(st.lists(st.sampled_from(DAYS), unique=True, min_size=least, max_size=least + 2))
        for index, day in enumerate(days):
            # Every dataset keeps rows: one that lost all of them would, rightly, not pass its expectations.
            partition = Partition(dataset, day)
            final[partition], before = draw(_versions(partition, is_kept=index == 0))
            if before != final[partition]:
                earlier[partition] = before
    history = History(
        final=dict(sorted(final.items())),
        earlier=dict(sorted(earlier.items())),
        as_of=draw(st.sampled_from(AS_OF[-5:])),
        policy=draw(POLICIES),
        other_policy=draw(POLICIES),
        settings=SMALL + draw(st.sampled_from(SETTINGS)),
    )
    rounds = draw(st.lists(_rounds(history), min_size=min(1, max_rounds), max_size=max_rounds))
    return History(**{**vars(history), "rounds": tuple(rounds)})


@st.composite
def _rounds(draw: st.DrawFn, history: History) -> Round:
    landed: dict[Partition, Files | None] = {}
    for partition, files in history.final.items():
        before = history.earlier.get(partition, files)
        what = draw(st.sampled_from(["left", "final", "before", "before", "emptied", "deleted"]))
        if what == "emptied" and partition.dataset not in CAN_BE_EMPTY:
            what = "deleted"
        if what != "left":
            landed[partition] = {"final": files, "before": before, "emptied": EMPTIED, "deleted": None}[what]
    every: st.SearchStrategy[Any] = st.none()
    return Round(
        landed,
        day=draw(every | every | every | st.sampled_from(history.days)),
        dataset=draw(every | every | every | st.sampled_from(list(ROWS))),
        is_reload=draw(st.booleans()),
        is_removing=draw(st.booleans()),
        policy=draw(every | st.sampled_from([history.policy, history.other_policy])),
        as_of=draw(st.just(history.as_of) | st.sampled_from(AS_OF)),
    )

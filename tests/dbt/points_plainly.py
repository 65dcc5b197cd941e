"""The account of points as a clerk would keep it: movement by movement, lot by lot, from the definitions and not from the SQL."""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import trunc

Tiers = Mapping[tuple[str, date], str]
"""The tier of a customer in a month."""

Entry = tuple[date, str, int, int, date | None, str | None, int]
"""Date, movement, points, balance after, lot, source, shortfall."""


@dataclass(frozen=True)
class Line:
    """A line of a receipt."""

    transaction_id: str
    customer_id: str
    day: date
    category: str
    net: Decimal


@dataclass(frozen=True)
class Redemption:
    """Points spent."""

    redemption_id: str
    customer_id: str
    at: datetime
    points: int


@dataclass(frozen=True)
class Programme:
    """Policies as (valid from, …) in any order, and settings."""

    rates: Sequence[tuple[date, str, Decimal]]
    multipliers: Sequence[tuple[date, str, Decimal]]
    expectations: Sequence[tuple[date, Decimal, Decimal]]
    expiry_months: int
    may_owe: bool
    as_of: date

    def rate(self, category: str, day: date) -> Decimal:
        """The category's rate, else that of all, else nothing."""
        for name in (category, "all"):
            if (found := in_force([(d, r) for d, c, r in self.rates if c == name], day)) is not None:
                return found
        return Decimal(0)

    def multiplier(self, tier: str | None, day: date) -> Decimal:
        """The multiplier of a tier; 1 without one."""
        found = in_force([(d, m) for d, t, m in self.multipliers if t == tier], day)
        return Decimal(1) if found is None else found

    def expires_on(self, lot: date) -> date:
        """The last day of a lot: a month's end."""
        return month_end(later_month(lot, self.expiry_months))


def in_force(rows: Iterable[tuple[date, Decimal]], day: date) -> Decimal | None:
    """The latest value that is valid on the day."""
    known = sorted((row for row in rows if row[0] <= day), key=lambda row: row[0])
    return known[-1][1] if known else None


def later_month(day: date, months: int) -> date:
    """First day of a month so much later."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def month_end(day: date) -> date:
    """Last day of the month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


@dataclass
class Account:
    """One customer's points."""

    programme: Programme
    lots: dict[date, int] = field(default_factory=dict)
    """Points left by the day they were earned, in that order."""
    owed: list[tuple[str, int]] = field(default_factory=list)
    """Transaction and points of refunds that found too little, the oldest first."""
    entries: list[Entry] = field(default_factory=list)
    overdrawn: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def balance(self) -> int:
        """What is left of all lots."""
        return sum(self.lots.values())

    def note(self, day: date, movement: str, points: int, lot: date | None, source: str | None) -> None:
        """Write a row."""
        self.entries.append((day, movement, points, self.balance, lot, source, 0))

    def earn(self, day: date, points: int, source: str) -> None:
        """Add to the day's lot; what is owed goes off at once."""
        self.lots[day] = self.lots.get(day, 0) + points
        self.note(day, "earn", points, day, source)
        while self.owed and self.balance:
            refund, amount = self.owed.pop(0)
            left = amount - self.take(day, "reverse", amount, refund)
            if left:
                self.owed.insert(0, (refund, left))

    def take(self, day: date, movement: str, points: int, source: str | None) -> int:
        """Take from the oldest lots as far as they go."""
        taken = 0
        for lot in sorted(self.lots):
            part = min(self.lots[lot], points - taken)
            if part:
                self.lots[lot] -= part
                self.note(day, movement, -part, lot, source)
                taken += part
        return taken

    def reverse(self, day: date, points: int, source: str) -> None:
        """Take back; what is not there is owed or forgiven."""
        taken = self.take(day, "reverse", points, source)
        if not taken:
            self.note(day, "reverse", 0, None, source)
        self.entries[-1] = (*self.entries[-1][:-1], points - taken)
        if self.programme.may_owe and taken < points:
            self.owed.append((source, points - taken))

    def redeem(self, day: date, points: int, source: str) -> None:
        """Spend as far as the balance goes."""
        taken = self.take(day, "redeem", points, source)
        if taken < points:
            self.overdrawn.append((source, points, taken))

    def expire(self, day: date) -> None:
        """At a month's end: lots whose last day this is are gone."""
        for lot in sorted(self.lots):
            if self.lots[lot] and self.programme.expires_on(lot) <= day:
                part, self.lots[lot] = self.lots[lot], 0
                self.note(day, "expire", -part, lot, None)


def receipts(
    programme: Programme, lines: Iterable[Line], tiers: Tiers
) -> list[tuple[str, str, date, Decimal, int]]:
    """Transaction, customer, day, net amount and whole points of each receipt that has some."""
    nets: dict[tuple[str, str, date], Decimal] = defaultdict(Decimal)
    points: dict[tuple[str, str, date], Fraction] = defaultdict(Fraction)
    for line in lines:
        key = (line.transaction_id, line.customer_id, line.day)
        nets[key] += line.net
        points[key] += Fraction(line.net) * Fraction(programme.rate(line.category, line.day))
    found = []
    for (transaction, customer, day), exact in points.items():
        tier = tiers.get((customer, later_month(day, -1)))
        whole = trunc(exact * Fraction(programme.multiplier(tier, day)))
        if whole:
            found.append((transaction, customer, day, nets[transaction, customer, day], whole))
    return found


def accounts(
    programme: Programme, lines: Sequence[Line], redemptions: Sequence[Redemption], tiers: Tiers
) -> dict[str, Account]:
    """The account of every customer who ever had a movement, by customer."""
    first = min([line.day for line in lines], default=programme.as_of)
    ends = [month_end(first)]
    while ends[-1] <= programme.as_of:
        ends.append(month_end(ends[-1] + timedelta(days=1)))
    # day, place in the day, when, source, points: sorted, they are in their order
    moves: dict[str, list[tuple[date, int, str, str, int]]] = defaultdict(list)
    for transaction, customer, day, _, points in receipts(programme, lines, tiers):
        moves[customer].append((day, 1 if points > 0 else 2, "", transaction, abs(points)))
    for r in redemptions if programme.rates else ():
        moves[r.customer_id].append((r.at.date(), 3, str(r.at), r.redemption_id, r.points))
    kept = {}
    for customer, own in moves.items():
        account = kept[customer] = Account(programme)
        for day, place, _, source, points in sorted(own + [(end, 4, "", "", 0) for end in ends[:-1]]):
            if place == 1:
                account.earn(day, points, source)
            elif place == 2:
                account.reverse(day, points, source)
            elif place == 3:
                account.redeem(day, points, source)
            else:
                account.expire(day)
    return kept


def expectation(programme: Programme, day: date) -> tuple[Fraction, Fraction] | None:
    """Value of a point and share expected to be redeemed; before the first, the first."""
    rows = sorted(programme.expectations)
    if not rows:
        return None
    _, value, rate = rows[max(bisect_right([row[0] for row in rows], day) - 1, 0)]
    return Fraction(value), Fraction(rate)


Liability = dict[tuple[date, date], tuple[list[int], list[Fraction] | None]]
"""By month and earn month: opening, earned, reversed, redeemed, expired, closing; expected, allocated, recognised to date."""


def liability(programme: Programme, entries: Iterable[Entry], paid: Mapping[date, Decimal]) -> Liability:
    """What is outstanding of each month's points, and what it binds of revenue; `paid` on earning receipts, by month."""
    flows: dict[tuple[date, date], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for day, movement, points, _, lot, _, _ in entries:
        if lot:
            flows[day.replace(day=1), lot.replace(day=1)][movement] += abs(points)
    rows: Liability = {}
    for earn_month in {lot for _, lot in flows}:
        month, opening, back, spent = earn_month, 0, 0, 0
        earned_in_all = flows[earn_month, earn_month]["earn"]
        while month <= programme.as_of and (opening or month == earn_month):
            flow = flows[month, earn_month]
            back, spent = back + flow["reverse"], spent + flow["redeem"]
            closing = opening + flow["earn"] - flow["reverse"] - flow["redeem"] - flow["expire"]
            money = None
            first = expectation(programme, min(month_end(earn_month), programme.as_of))
            now = expectation(programme, min(month_end(month), programme.as_of))
            if first and now:
                price, revenue = (
                    earned_in_all * first[0] * first[1],
                    max(Fraction(paid[earn_month]), Fraction(0)),
                )
                share = Fraction(earned_in_all - back, earned_in_all)
                allocated = revenue * price / (revenue + price) * share if revenue + price else Fraction(0)
                expected = max(Fraction(spent), (earned_in_all - back) * now[1])
                part = Fraction(1) if not closing else spent / expected if expected else Fraction(0)
                money = [expected, allocated, allocated * part]
            counts = [opening, *(flow[kind] for kind in ("earn", "reverse", "redeem", "expire")), closing]
            rows[month, earn_month] = (counts, money)
            month, opening = later_month(month, 1), closing
    return rows

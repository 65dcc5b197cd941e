"""What the calculation knows of a customer: purchase days and exact sums by month.

Money is summed as Decimal and handed on as Fraction, so that no bound, tie or quantile hangs on a float's
last digit. A month is counted as year * 12 + month - 1, which makes windows plain subtraction.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pandas as pd

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Settings:
    """The settings that the definitions name, with their defaults; peer attributes go from finest to coarsest."""

    tier_window_months: int = 12
    new_customer_months: int = 3
    soft_landing: bool = False
    grace_months: int = 0
    survey_validity_months: int = 12
    benchmark_quantile: float = 0.9
    benchmark_min_peers: int = 30
    default_lapsed_days: int = 180
    revenue_retention_window_months: int = 12
    discount_rate: float = 0.1
    scenario_retention_points: int = 5
    min_group_answers: int = 30
    silent_per_complaint: float = 10
    reached_per_unhappy: float = 25
    repeat_complaint_days: int = 90
    defection_min_days: int = 90
    defection_said_days: int = 30
    defection_complaint_days: int = 90
    defection_unresolved_hours: float = 168
    defection_survey_days: int = 180
    defection_discount_share: float = 0.5
    defection_price_spend_ratio: float = 0.5
    defection_habit_spend_ratio: float = 0.5
    defection_habit_category_drop: float = 1 / 3
    defection_return_share: float = 0.5
    defection_return_lines: int = 5
    defection_long_lapsed_days: int = 365
    committed_max_discount_share: float = 0.2
    min_team_size: int = 5
    care_cycle_days: int = 90
    care_on_time_days: int = 5
    care_late_days: int = 15
    points_expiry_months: int = 24
    points_on_shortfall: str = "debt"
    offer_in_range_days: int = 28
    timezone: str = "UTC"
    peer_attribute_levels: tuple[tuple[str, ...], ...] = ()


@dataclass
class Customer:
    """One customer's past: purchase days ascending, net and profit by month, net by category and month."""

    customer_id: str
    days: list[date] = field(default_factory=list)
    net: dict[int, Fraction] = field(default_factory=dict)
    profit: dict[int, Fraction] = field(default_factory=dict)
    category_net: dict[str, dict[int, Fraction]] = field(default_factory=dict)

    @property
    def first_month(self) -> int:
        """Month of the first purchase day."""
        return month_of(self.days[0])

    @property
    def gaps(self) -> list[int]:
        """Days between one purchase day and the next."""
        return [(later - earlier).days for earlier, later in zip(self.days, self.days[1:], strict=False)]


Transactions = pd.DataFrame | list[Customer]
"""Transaction lines, or the histories made of them."""


def month_of(day: date) -> int:
    return day.year * 12 + day.month - 1


def first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def last_day(month: int) -> date:
    year, index = divmod(month, 12)
    return date(year, index + 1, calendar.monthrange(year, index + 1)[1])


def months_before(day: date, months: int) -> date:
    """The same day of the month so many months ago, or that month's last day where it is shorter."""
    end = last_day(month_of(day) - months)
    return end.replace(day=min(day.day, end.day))


def is_complete(month: int, as_of_date: date) -> bool:
    return last_day(month) <= as_of_date


def window_sum(by_month: Mapping[int, Fraction], month: int, window: int) -> Fraction:
    """Sum over the `window` months that end with `month`."""
    return sum((amount for m, amount in by_month.items() if month - window < m <= month), Fraction(0))


def quantile(values: Iterable[Fraction | int], q: float) -> Fraction:
    """The q-quantile with linear interpolation between the two nearest order statistics."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * Fraction(str(q))
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return Fraction(ordered[below]) + (ordered[above] - ordered[below]) * (position - below)


def is_null(value: object) -> bool:
    return value is None or bool(pd.isna(value))


def exact(value: object, is_cents: bool = False) -> Decimal:
    """A source figure as Decimal; a float means its shortest notation, rounded to cents where asked."""
    if is_null(value):
        raise ValueError("an amount is null")
    if isinstance(value, Decimal):
        return value
    number = Decimal(str(value))
    return number.quantize(CENT) if is_cents else number


def dates_of(column: pd.Series) -> list[date]:
    return [stamp.date() for stamp in pd.to_datetime(column)]


def with_profit(
    transactions: pd.DataFrame, margin_rates: Mapping[str, float], default_margin_rate: float
) -> pd.DataFrame:
    """Add `profit` per line: net minus cost, or net times the category's assumed margin rate without a cost.

    The cost is `cost_amount`, else `quantity` x `unit_cost` where these columns exist and are filled.
    """
    profits = []
    for row in transactions.to_dict("records"):
        net = exact(row["net_amount"], is_cents=True)
        if not is_null(row.get("cost_amount")):
            profits.append(net - exact(row["cost_amount"]))
        elif not is_null(row.get("unit_cost")) and not is_null(row.get("quantity")):
            profits.append(net - exact(row["quantity"]) * exact(row["unit_cost"]))
        else:
            profits.append(net * exact(margin_rates.get(row["category"], default_margin_rate)))
    return transactions.assign(profit=pd.Series(profits, index=transactions.index, dtype=object))


def histories(transactions: Transactions, as_of_date: date) -> list[Customer]:
    """One Customer per customer_id with a line up to `as_of_date`, in the order of the ids.

    `transactions`: customer_id (null is nobody), business_date, net_amount, profit, category (null belongs to no
    category); or what this function made of them for the same date, which saves reading them once per mart.
    """
    if isinstance(transactions, list):
        return transactions
    by_day: dict[str, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    profit: dict[str, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    by_category: dict[str, dict[str, dict[int, Decimal]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(Decimal))
    )
    for customer_id, day, net, line_profit, category in zip(
        transactions["customer_id"],
        dates_of(transactions["business_date"]),
        transactions["net_amount"],
        transactions["profit"],
        transactions["category"],
        strict=True,
    ):
        if day > as_of_date or is_null(customer_id):
            continue
        amount, month = exact(net, is_cents=True), month_of(day)
        by_day[customer_id][day] += amount
        profit[customer_id][month] += exact(line_profit)
        if not is_null(category):
            by_category[customer_id][category][month] += amount

    result = []
    for customer_id in sorted(by_day):
        net_by_month: dict[int, Decimal] = defaultdict(Decimal)
        for day, amount in by_day[customer_id].items():
            net_by_month[month_of(day)] += amount
        result.append(
            Customer(
                customer_id=customer_id,
                days=sorted(day for day, amount in by_day[customer_id].items() if amount > 0),
                net=_fractions(net_by_month),
                profit=_fractions(profit[customer_id]),
                category_net={name: _fractions(months) for name, months in by_category[customer_id].items()},
            )
        )
    return result


def buyers(transactions: Transactions, as_of_date: date) -> list[Customer]:
    """The customers who have a purchase day."""
    return [customer for customer in histories(transactions, as_of_date) if customer.days]


def _fractions(by_month: Mapping[int, Decimal]) -> dict[int, Fraction]:
    return {month: Fraction(amount) for month, amount in by_month.items()}

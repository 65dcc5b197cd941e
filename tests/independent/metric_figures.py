"""What the marts themselves say of each metric: the columns that MetricFlow is asked to group by, and a query.

A query gives what is grouped by first, then the figure. Where a mart has the figure as a column, that column is asked, not
what it is made of.
"""

from __future__ import annotations

Figure = tuple[tuple[str, ...], str]

MONTH = ("metric_time__month",)


def _by_month(mart: str, *columns: str, where: str = "true") -> dict[str, list[Figure]]:
    """Metrics that are a column of the mart (`metric=column` where it is called otherwise) in its one row of each month."""
    pairs = [column.partition("=") for column in columns]
    return {
        name: [(MONTH, f"select month, {column or name} from {mart} where {where}")]
        for name, _, column in pairs
    }


def _last(mart: str, *columns: str, where: str = "true") -> dict[str, list[Figure]]:
    """As `_by_month`, and without a month the last one's."""
    newest = f"month = (select max(month) from {mart}) and {where}"
    return {
        name: [
            *figures,
            (
                (),
                figures[0][1]
                .replace("select month, ", "select ")
                .replace(f"where {where}", f"where {newest}"),
            ),
        ]
        for name, figures in _by_month(mart, *columns, where=where).items()
    }


def _summed(mart: str, *columns: str, by: str = "month", last: bool = False) -> dict[str, list[Figure]]:
    """Metrics that are the sum of a column (`metric=column`) by month; with `last` without a month the last one's, too."""
    found: dict[str, list[Figure]] = {}
    for column in columns:
        name, _, summed = column.partition("=")
        found[name] = [(MONTH, f"select {by}, sum({summed or name}) from {mart} group by all")]
        newest = f"where {by} = (select max({by}) from {mart})" if last else ""
        found[name].append(((), f"select sum({summed or name}) from {mart} {newest}"))
    return found


def _of_customers(figure: str) -> list[Figure]:
    """A figure of today, in all and by tier."""
    return [
        ((), f"select {figure} from customer_value"),
        (("customer__tier",), f"select tier, {figure} from customer_value group by tier"),
    ]


def _to_date(column: str, amount: str) -> Figure:
    """Sales by the tier of today: those of customers as `customer_value` has them, all others without a tier."""
    return (
        ("customer__tier",),
        f"select tier, sum({column}) from customer_value group by tier union all "
        f"select null, (select sum({amount}) from fct_transactions) - (select sum({column}) from customer_value)",
    )


_ALL_FEEDBACK = "dimension = 'all'"
_TIERS = "tier <> 'anonymous'"
_WHOLE = "category = 'all' group by month"
_DEPARTED = "tier_before = 'all' and reason = 'all'"

FIGURES: dict[str, list[Figure]] = {
    **_summed("fct_transactions", "revenue=net_amount", "profit=profit_amount", "discount=discount_amount"),
    "margin_rate": [
        (
            MONTH,
            "select month, sum(profit_amount) / sum(net_amount)::double from fct_transactions group by month",
        )
    ],
    "customers": _of_customers("count(*)"),
    "repeat_customers": [((), "select count(*) from customer_retention where purchase_days > 1")],
    "repeat_rate": [((), "select avg((purchase_days > 1)::integer) from customer_retention")],
    "customers_at_risk": [((), "select count(*) from customer_retention where status = 'at_risk'")],
    "yearly_run_rate": _of_customers("sum(yearly_run_rate)"),
    "value_at_risk": [
        (
            (),
            "select sum(yearly_run_rate) from customer_value "
            "where customer_id in (select customer_id from customer_retention where status = 'at_risk')",
        )
    ],
    "expected_revenue_12m": _of_customers("sum(expected_revenue_12m)"),
    "expected_profit_12m": _of_customers("sum(expected_profit_12m)"),
    "lifetime_value": _of_customers("sum(expected_lifetime_profit)"),
    "valued_customers": _of_customers("count(expected_lifetime_profit)"),
    "lifetime_value_per_customer": _of_customers("avg(expected_lifetime_profit)"),
    **{
        f"tier_{name}": [
            (
                (*MONTH, "tier_month__tier"),
                f"select month, tier, {column} from tier_contribution_monthly where {_TIERS}",
            )
        ]
        for name, column in {
            "customers": "customer_count",
            "customer_share": "customer_share",
            "revenue": "revenue",
            "revenue_share": "revenue_share",
            "profit": "profit",
            "profit_share": "profit_share",
        }.items()
    },
    **_last("customer_concentration_monthly", "top_20_revenue_share"),
    **{
        name: [
            (MONTH, f"select month, sum({name}) from share_of_wallet_monthly where {_WHOLE}"),
            (
                (*MONTH, "wallet_month__tier"),
                f"select month, tier, {name} from share_of_wallet_summary_monthly where category = 'all'",
            ),
        ]
        for name in ("own_spend", "wallet", "headroom")
    },
    "share_of_wallet": [
        (
            (*MONTH, "wallet_month__tier"),
            "select month, tier, share_of_wallet from share_of_wallet_summary_monthly where category = 'all'",
        ),
        (
            MONTH,
            f"select month, sum(own_spend) / sum(wallet)::double from share_of_wallet_monthly where {_WHOLE}",
        ),
    ],
    **{
        f"category_{name}": [
            (
                (*MONTH, "wallet_month__category", "wallet_month__tier"),
                f"select month, category, tier, {name} from share_of_wallet_summary_monthly where category <> 'all'",
            )
        ]
        for name in ("own_spend", "wallet", "share_of_wallet")
    },
    **_last("retention_flows_monthly", "active_customers=closing"),
    **_by_month(
        "retention_flows_monthly",
        "opening_customers=opening",
        "new_customers=new",
        "reactivated_customers=reactivated",
        "lapsed_customers=lapsed",
        "retention_rate",
    ),
    **{
        name: [
            (
                ("cohort_cell__cohort_month__month", "cohort_cell__months_since_first"),
                f"select cohort_month, months_since_first, {column} from retention_cohorts_monthly",
            )
        ]
        for name, column in {
            "cohort_customers": "cohort_size",
            "retained_cohort_customers": "retained_customers",
            "cohort_retention_rate": "retention_rate",
        }.items()
    },
    **_by_month(
        "revenue_retention_monthly",
        "opening_revenue",
        "retained_revenue",
        "closing_revenue",
        "gross_revenue_retention=grr",
        "net_revenue_retention=nrr",
    ),
    **_by_month(
        "feedback_summary_monthly",
        "nps_answers",
        "promoters",
        "detractors",
        "nps",
        "csat_answers",
        "csat_satisfied",
        "csat_rate",
        "complaints",
        "outcomes_told",
        "loop_closed_rate",
        where=_ALL_FEEDBACK,
    ),
    "matrix_customers": [
        (
            ("loyalty_group__loyalty",),
            "select loyalty, count(*) from loyalty_matrix group by loyalty",
        )
    ],
    "truly_loyal_customers": [((), "select count(*) from loyalty_matrix where loyalty = 'true'")],
    "true_loyalty_rate": [((), "select avg((loyalty = 'true')::integer) from loyalty_matrix")],
    **_by_month(
        "defections_summary_monthly",
        "defections",
        "yearly_value_lost",
        "lapses_180d_old",
        "won_back_180d",
        "won_back_rate",
        where=_DEPARTED,
    ),
    **_summed(
        "points_liability_monthly",
        "points_earned=earned",
        "points_redeemed=redeemed",
        "points_expired=expired",
        "points_revenue_recognised=recognised_revenue",
    ),
    **_summed(
        "points_liability_monthly",
        "points_outstanding=closing",
        "points_liability=deferred_revenue",
        last=True,
    ),
    "care_contacts": [
        (("care_group__status",), "select status, count(*) from care_schedule group by status")
    ],
    "open_care_contacts": [((), "select count(*) from care_schedule where status in ('due', 'overdue')")],
}

FIGURES["revenue"].append(_to_date("net_revenue_to_date", "net_amount"))
FIGURES["profit"].append(_to_date("profit_to_date", "profit_amount"))
FIGURES["defections"].append(
    (("departure__reason",), "select reason, count(*) filter (is_defection) from defections group by reason")
)

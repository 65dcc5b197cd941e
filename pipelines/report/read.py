"""What the report shows, read from the published serving file: rows per chart, already summed."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.contracts.policies import read_policies
from pipelines.quoting import literal
from pipelines.report import loyalty_rows, programme_rows, trend_rows
from pipelines.report.limits import MONTHS, WALLET_STEPS
from pipelines.warehouse.connection import connect, fetch_rows

if TYPE_CHECKING:
    from pipelines.publish import Published
    from pipelines.report.texts import Texts
    from pipelines.settings import Settings

Rows = list[dict[str, Any]]

# The last complete month; before there is one, the running month.
_LAST_MONTH = """
    month = (select max(month) from {mart} where is_complete_month = (select bool_or(is_complete_month) from {mart}))
"""

_TIERS = f"""
select
    tier, customer_count, customer_share, revenue::double as revenue, revenue_share, profit::double as profit,
    profit_share, month, is_complete_month
from tier_contribution_monthly
where tier <> 'anonymous' and {_LAST_MONTH.format(mart="tier_contribution_monthly")}
"""
# The shares are worked out here: a night from before they were published can be served again.
_ANONYMOUS = f"""
select
    revenue::double as revenue, (revenue / nullif(greatest(sum(revenue) over (), 0), 0))::double as revenue_share,
    profit::double as profit, (profit / nullif(greatest(sum(profit) over (), 0), 0))::double as profit_share
from tier_contribution_monthly
where {_LAST_MONTH.format(mart="tier_contribution_monthly")}
qualify tier = 'anonymous'
"""
_MIGRATION = f"""
select from_tier, to_tier, customer_count, transition_rate, month, is_complete_month
from tier_migration_monthly
where {_LAST_MONTH.format(mart="tier_migration_monthly")}
"""
_COHORTS = f"""
select
    cohort_month, months_since_first, cohort_size, retention_rate,
    (select count(distinct cohort_month) from retention_cohorts_monthly) as cohorts
from retention_cohorts_monthly
where
    is_complete_month = (select bool_or(is_complete_month) from retention_cohorts_monthly)
    and months_since_first <= {MONTHS}
    and cohort_month in (
        select distinct cohort_month from retention_cohorts_monthly order by cohort_month desc limit {MONTHS}
    )
order by cohort_month, months_since_first
"""
_SURVIVAL = "select curve, group_name, day, survival, ci_low, ci_high from survival_curves order by curve, group_name, day"
# The median is the wallets' at or above which the mart calls a wallet big; it is the edge of two fields.
_WALLET = f"""
with wallets as (
    select
        *, case when method = 'benchmark' then 'benchmark' else 'surveyed' end as evidence,
        median(wallet) over () as median_wallet
    from share_of_wallet_monthly
    where category = 'all' and {_LAST_MONTH.format(mart="share_of_wallet_monthly")}
), placed as (
    select
        *,
        floor({WALLET_STEPS} * log10(wallet / greatest(median_wallet, 0.01)))::integer as wallet_step,
        least(floor(10 * share_of_wallet), 9)::integer as share_step
    from wallets
    where wallet > 0 and wallet_quadrant is not null
), commonest as (
    -- Like customers have the same benchmark: how many share the one that most have.
    select wallet::double as common_wallet, count(*) as common_count
    from placed
    where evidence = 'benchmark'
    group by wallet
    order by common_count desc, common_wallet
    limit 1
)
select
    wallet_quadrant, evidence, wallet_step, share_step, count(*) as customer_count, sum(own_spend)::double as own_spend,
    sum(wallet)::double as wallet, sum(headroom)::double as headroom,
    greatest(any_value(median_wallet), 0.01)::double as median_wallet,
    any_value(month) as month, any_value(is_complete_month) as is_complete_month,
    (select common_wallet from commonest) as common_wallet, (select common_count from commonest) as common_count
from placed
group by wallet_quadrant, evidence, wallet_step, share_step
order by all
"""
# Whole rows: a night that an earlier version published has no limits.
_FITS = "select * from model_fits order by sample, model"
_CALIBRATION = """
select
    model, report, bucket, is_holdout, customers, actual_purchase_days::double as actual,
    predicted_purchase_days as predicted, calibration_end
from model_calibration
order by model, report, bucket
"""

QUERIES = {
    "tiers": (("tier_contribution_monthly",), _TIERS),
    "anonymous": (("tier_contribution_monthly",), _ANONYMOUS),
    "migration": (("tier_migration_monthly",), _MIGRATION),
    "cohorts": (("retention_cohorts_monthly",), _COHORTS),
    "survival": (("survival_curves",), _SURVIVAL),
    "wallet": (("share_of_wallet_monthly",), _WALLET),
    "fits": (("model_fits",), _FITS),
    "calibration": (("model_calibration",), _CALIBRATION),
    **loyalty_rows.QUERIES,
    **programme_rows.QUERIES,
    **trend_rows.QUERIES,
}
"""By name of the rows, the marts they are of and the query."""


@dataclass(frozen=True)
class TierNames:
    """Tiers in their order, best first, and what each is called."""

    order: tuple[str, ...]
    labels: dict[str, dict[str, str]]
    """By language, by tier code."""

    def sorted(self, codes: set[str]) -> list[str]:
        """Codes by rank, then what the policy does not know any more, then new, lapsed and none."""
        last = ("new", "lapsed", "none")
        rank = {code: (0, n) for n, code in enumerate(self.order)} | {
            code: (2, n) for n, code in enumerate(last)
        }
        return sorted(codes, key=lambda code: (*rank.get(code, (1, 0)), code))

    def label(self, code: str, texts: Texts) -> str:
        """The label of the policy, of the catalogue for Mainstay's own codes, or the code itself."""
        label = self.labels[texts.language].get(code)
        return label or texts.known(f"tiers.{code}", code)


@dataclass(frozen=True)
class Night:
    """The published night as the report shows it."""

    published: Published
    currency: str
    tiers: TierNames
    rows: dict[str, Rows | None]
    """By name of `QUERIES`; None where this night has no such mart."""
    fewest: int
    """Members of a group below which groups are not compared, as in the marts."""
    care_days: tuple[int, int]
    """Days from its due date within which a contact is in time, and up to which it is still made up for."""

    def month_of(self, rows: Rows, texts: Texts) -> str:
        """The month that rows are of, in words."""
        month, is_complete = rows[0]["month"], rows[0]["is_complete_month"]
        key = "month.complete" if is_complete else "month.running"
        return texts(key, month=texts.month(month), as_of=texts.day(self.published.as_of_date))


def tier_names(settings: Settings) -> TierNames:
    """Labels of the tier policy; where a code stands in several, the newest one's.

    Raises:
        SettingsError: a policy file is wrong.
    """
    tiers = read_policies(settings).tiers
    newest = max((t.valid_from for t in tiers), default=date.min)
    return TierNames(
        tuple(t.tier for t in tiers if t.valid_from == newest),
        {"en": {t.tier: t.label_en for t in tiers}, "zh-CN": {t.tier: t.label_zh for t in tiers}},
    )


def read_night(settings: Settings, published: Published) -> Night:
    """Read what the report shows of the served file.

    Raises:
        SettingsError: a policy file is wrong.
        duckdb.Error: the served file cannot be read.
    """
    # In memory with the file attached: `connect(path)` would hand out an older night that this process has open.
    with closing(connect(settings, Path(":memory:"))) as connection:
        connection.execute(f"ATTACH {literal(str(published.path))} AS served (READ_ONLY)")
        connection.execute("USE served")
        rows = {
            name: fetch_rows(connection, sql) if published.tables.keys() >= set(marts) else None
            for name, (marts, sql) in QUERIES.items()
        }
    care_days = (settings.care_on_time_days, settings.care_late_days)
    return Night(
        published, settings.currency, tier_names(settings), rows, settings.min_group_answers, care_days
    )

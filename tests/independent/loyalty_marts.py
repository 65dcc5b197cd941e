"""The marts of feedback, loyalty, defections, relationship and teams, from the sources and the marts before them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from .defections import defections
from .feedback import complaint_causes_monthly, feedback_summary_monthly, heard
from .history import Settings, buyers, histories
from .lines import ledger
from .loyalty import loyalty_drivers_monthly, loyalty_matrix, loyalty_matrix_summary
from .people import team_loyalty_monthly
from .relationship import relationship_stages_monthly
from .wallet import answers_of
from .won_back import defections_summary_monthly

LOYALTY_KEYS = {
    "feedback_summary_monthly": ["month", "dimension", "value"],
    "complaint_causes_monthly": ["month", "topic"],
    "loyalty_matrix": ["customer_id"],
    "loyalty_matrix_summary": ["tier", "attitude_kind", "loyalty"],
    "loyalty_drivers_monthly": ["month", "driver"],
    "defections": ["customer_id", "lapse_number"],
    "defections_summary_monthly": ["month", "tier_before", "reason"],
    "relationship_stages_monthly": ["customer_id", "month"],
    "team_loyalty_monthly": ["month", "team_id"],
}
"""The grain of each mart."""

FEEDBACK_COLUMNS = [
    "feedback_id", "customer_id", "feedback_at", "kind", "score", "driver", "topic", "channel", "responded_at",
    "resolved_at", "outcome_told_at",
]  # fmt: skip
INTERACTION_COLUMNS = ["interaction_id", "customer_id", "interaction_at", "direction", "channel", "kind"]
REDEMPTION_COLUMNS = ["redemption_id", "customer_id", "redeemed_at", "points"]
EMPLOYEE_COLUMNS = ["employee_id", "team_id", "store_id", "hired_on", "left_on", "landed_on"]
EMPLOYEE_SURVEY_COLUMNS = ["survey_id", "team_id", "surveyed_at", "score"]


def _none(columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(columns=columns)


@dataclass(frozen=True)
class Voices:
    """What customers and staff say and are told, all optional; moments are UTC, customers as they are after merges."""

    feedback: pd.DataFrame = field(default_factory=lambda: _none(FEEDBACK_COLUMNS))
    interactions: pd.DataFrame = field(default_factory=lambda: _none(INTERACTION_COLUMNS))
    employees: pd.DataFrame = field(default_factory=lambda: _none(EMPLOYEE_COLUMNS))
    employee_surveys: pd.DataFrame = field(default_factory=lambda: _none(EMPLOYEE_SURVEY_COLUMNS))
    topics: Mapping[str, str] = field(default_factory=dict)
    """The reason to leave that a topic names."""
    p_alive: Mapping[str, float | None] = field(default_factory=dict)
    """As customer_retention publishes it."""


def calculate_loyalty(
    transactions: pd.DataFrame,
    surveys: pd.DataFrame,
    customers: pd.DataFrame,
    voices: Voices,
    marts: Mapping[str, pd.DataFrame],
    settings: Settings,
    as_of_date: date,
) -> dict[str, pd.DataFrame]:
    """The marts by name; `marts` holds those of `calculate` from the same lines, surveys and customers.

    A line may also say its discount_amount and store_id, a customer referred_by_customer_id and
    account_manager_employee_id.
    """
    past, lines = histories(transactions, as_of_date), ledger(transactions, as_of_date)
    known, said = buyers(past, as_of_date), heard(voices.feedback, settings, as_of_date)
    tiers, wallets = marts["customer_tiers_monthly"], marts["share_of_wallet_monthly"]
    matrix = loyalty_matrix(known, lines, said, tiers, wallets, as_of_date)
    defected = defections(
        known,
        lines,
        said,
        answers_of(surveys, as_of_date),
        voices.interactions,
        tiers,
        voices.p_alive,
        voices.topics,
        settings,
        as_of_date,
    )
    return {
        "feedback_summary_monthly": feedback_summary_monthly(said, tiers, settings, as_of_date),
        "complaint_causes_monthly": complaint_causes_monthly(said, as_of_date),
        "loyalty_matrix": matrix,
        "loyalty_matrix_summary": loyalty_matrix_summary(matrix),
        "loyalty_drivers_monthly": loyalty_drivers_monthly(said, known, settings, as_of_date),
        "defections": defected,
        "defections_summary_monthly": defections_summary_monthly(defected, settings, as_of_date),
        "relationship_stages_monthly": relationship_stages_monthly(
            known, lines, customers, tiers, wallets, settings, as_of_date
        ),
        "team_loyalty_monthly": team_loyalty_monthly(
            voices.employees, voices.employee_surveys, said, lines, settings, as_of_date
        ),
    }

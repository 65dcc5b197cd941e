"""A warehouse of a night that ended well, with the tables that the list reads, a few rows in each."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.care import CareList, read_list
from pipelines.quoting import ident
from pipelines.settings import Settings
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect, insert_rows

AS_OF = date(2024, 5, 31)
TOMORROW = date(2024, 6, 1)

_CONTACTS = (
    "customer_id varchar, tier varchar, contact_kind varchar, due_date date, channel varchar, is_reachable boolean, "
    "status varchar, priority integer, talking_points varchar"
)
_TABLES = {
    "marts.care_schedule": _CONTACTS,
    "restricted.care_birthdays": _CONTACTS,
    "restricted.customer_contacts": (
        "customer_id varchar, full_name varchar, phone varchar, email varchar, birth_date date"
    ),
    "raw.customers": "customer_id varchar, is_marketing_consent boolean, partition_date date",
    "marts.dim_customers": "customer_id varchar, registered_on date, is_marketing_consent boolean",
    "marts.dim_tiers": (
        "tier varchar, valid_from date, is_current boolean, is_policy_tier boolean, tier_rank integer, "
        "lower_bound decimal(18, 2), label_en varchar, label_zh varchar"
    ),
    "marts.customer_tiers_monthly": (
        "customer_id varchar, month date, tier_rank integer, avg_monthly_spend decimal(18, 4)"
    ),
    "marts.customer_value": (
        "customer_id varchar, expected_profit_12m decimal(18, 2), expected_lifetime_profit decimal(18, 2)"
    ),
    "marts.customer_retention": (
        "customer_id varchar, recency_days integer, median_gap_days double, at_risk_after_days double"
    ),
    "marts.fct_feedback": (
        "feedback_id varchar, customer_id varchar, feedback_at timestamp, business_date date, kind varchar, "
        "topic varchar, resolved_at timestamp"
    ),
    "marts.share_of_wallet_monthly": (
        "customer_id varchar, category varchar, month date, headroom decimal(18, 4)"
    ),
    "intermediate.int_customer_days": (
        "customer_id varchar, business_date date, net_amount decimal(18, 2), profit_amount decimal(18, 2)"
    ),
    "intermediate.int_points_lots_left": (
        "customer_id varchar, lot_date date, expires_on date, points_left bigint"
    ),
    "staging.stg_interactions": (
        "interaction_id varchar, customer_id varchar, interaction_at timestamp, business_date date, direction varchar, "
        "kind varchar"
    ),
}
_TIERS = (
    ("gold", date(2000, 1, 1), True, True, 1, 500, "Gold", "黄金"),
    ("silver", date(2000, 1, 1), True, True, 2, 300, "Silver", "白银"),
    ("ordinary", date(2000, 1, 1), True, True, 3, 0, "Ordinary", "普通"),
    ("new", date(2000, 1, 1), True, False, None, None, "New", "新客户"),
)


class CareWorld:
    """The warehouse, and short ways to put rows into it."""

    def __init__(self, home: Path, **settings: Any) -> None:
        self.home = home
        self.settings = Settings(home=home, duckdb_threads=1, currency="CNY", **settings)
        self._waiting: list[tuple[str, dict[str, Any]]] = []
        with closing(connect(self.settings)) as connection:
            connection.execute(ledger.DDL)
            for schema in ("raw", "marts", "restricted", "intermediate", "staging"):
                connection.execute(f"create schema {schema}")
            for name, columns in _TABLES.items():
                connection.execute(f"create table {name} ({columns})")
            insert_rows(connection, "marts.dim_tiers", _TIERS)
            for step in ("build", "fit", "validate_marts"):
                detail = {"as_of_date": AS_OF.isoformat()}
                ledger.record_step(connection, "night-1", step, ledger.now(), "success", detail)

    def insert(self, table: str, **row: Any) -> None:
        """One row of a table, written when something is read: each connection takes its time."""
        self._waiting.append((table, row))

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Write what waits, and run statements; gives the last one's rows."""
        rows: list[tuple[Any, ...]] = []
        with closing(connect(self.settings)) as connection:
            for table, row in self._waiting:
                names, marks = ", ".join(map(ident, row)), ", ".join("?" * len(row))
                connection.execute(f"insert into {table} ({names}) values ({marks})", list(row.values()))
            self._waiting.clear()
            for statement in statements:
                rows = connection.execute(statement).fetchall()
        return rows

    def read(self, day: date | None = None, language: str = "en") -> CareList:
        """The list."""
        self.execute()
        return read_list(self.settings, day, language)

    def clear(self) -> None:
        """Take out all rows but the tiers and the ledger's."""
        self._waiting.clear()
        self.execute(*(f"delete from {name}" for name in _TABLES if name != "marts.dim_tiers"))

    def customer(self, customer_id: str, *, consent: bool | None = True, **person: Any) -> None:
        """A customer of the master data, with a telephone number unless it is given as None."""
        known = {
            "full_name": f"Name of {customer_id}",
            "phone": "+8613800000000",
            "email": None,
            "birth_date": None,
        }
        self.insert("restricted.customer_contacts", customer_id=customer_id, **{**known, **person})
        self.insert(
            "marts.dim_customers",
            customer_id=customer_id, registered_on=date(2020, 6, 1), is_marketing_consent=consent,
        )  # fmt: skip

    def contact(
        self, customer_id: str, due: date, table: str = "marts.care_schedule", **contact: Any
    ) -> None:
        """A contact of the schedule, due and reachable unless said otherwise."""
        known = {
            "tier": "silver", "contact_kind": "message", "channel": "message", "is_reachable": True, "status": "due",
            "priority": 5, "talking_points": None,
        }  # fmt: skip
        self.insert(table, customer_id=customer_id, due_date=due, **{**known, **contact})

"""Land tables as files, load them by the real loader, and give them as the calculation takes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pandas as pd
from deployments import Deployment

from .history import first_day, last_day, month_of
from .loyalty_marts import (
    EMPLOYEE_COLUMNS,
    EMPLOYEE_SURVEY_COLUMNS,
    FEEDBACK_COLUMNS,
    INTERACTION_COLUMNS,
    REDEMPTION_COLUMNS,
)
from .samples import SURVEY_COLUMNS

Tables = Mapping[str, pd.DataFrame]

RESPONSES = ["responded_at", "resolved_at", "outcome_told_at"]
VOICES = {
    "feedback": ("feedback_at", FEEDBACK_COLUMNS),
    "interactions": ("interaction_at", INTERACTION_COLUMNS),
    "employee_surveys": ("surveyed_at", EMPLOYEE_SURVEY_COLUMNS),
    "points_redemptions": ("redeemed_at", REDEMPTION_COLUMNS),
}
"""When it was, and what the calculation takes of it."""
CUSTOMER_COLUMNS = [
    "referred_by_customer_id", "account_manager_employee_id", "merged_into_customer_id", "registered_on", "birth_date",
    "preferred_channel", "is_marketing_consent",
]  # fmt: skip


def landed_and_loaded(deployment: Deployment, tables: Tables) -> dict[str, pd.DataFrame]:
    """Land the tables as files, load them, and give them with merged customers as the one that is left."""
    lines = tables["transactions"]
    lines = lines.assign(business_date=[moment.date() for moment in lines["transaction_at"]])
    lines["month"] = lines["business_date"].map(month_of)
    source_columns = list(tables["transactions"].columns)
    for month, part in lines.groupby("month"):
        deployment.land("transactions", last_day(int(month)), part[source_columns].to_dict("records"))
    first = first_day(int(lines["month"].min()))
    for name in ("customers", "products"):
        deployment.land(name, first, tables[name].to_dict("records"))
    surveys = tables["wallet_surveys"]
    surveys = surveys.assign(business_date=[moment.date() for moment in surveys["surveyed_at"]])
    deployment.land(
        "wallet_surveys", surveys["business_date"].max(), tables["wallet_surveys"].to_dict("records")
    )
    again = _land_voices(deployment, tables)
    loaded = deployment.load()
    assert loaded["quarantined"] == loaded["duplicates"] == 0
    assert loaded["loaded"] == sum(len(table) for table in tables.values()) + again
    full = _with_categories(lines, tables["products"])
    customers = tables["customers"].assign(
        **{name: None for name in CUSTOMER_COLUMNS if name not in tables["customers"]}
    )
    source = {
        "transactions": full,
        "customers": customers,
        "wallet_surveys": surveys[[*SURVEY_COLUMNS, "surveyed_at"]],
        **{name: _in_utc(tables[name], deployment)[columns] for name, (_, columns) in VOICES.items()},
        "employees": tables["employees"][EMPLOYEE_COLUMNS],
    }
    return merged(source)


def _land_voices(deployment: Deployment, tables: Tables) -> int:
    """Feedback comes when it was given, and a day later again with all responses; returns the rows of the first time."""
    for name, (at, _) in VOICES.items():
        rows = tables[name].to_dict("records")
        last = max(row[at] for row in rows).date()
        deployment.land(name, last + timedelta(days=name == "feedback"), rows)
        if name == "feedback":
            deployment.land(name, last, [row | dict.fromkeys(RESPONSES) for row in rows])
    for day, part in tables["employees"].groupby("landed_on"):
        assert isinstance(day, date)
        deployment.land("employees", day, part.drop(columns="landed_on").to_dict("records"))
    return len(tables["feedback"])


def _with_categories(lines: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    products = products.set_index("product_id")[["category", "unit_cost"]]
    full = lines.merge(products, left_on="product_id", right_index=True, how="left").astype(object)
    full = full.where(full.notna(), None)
    full["category"] = full["category"].map(lambda name: name or "unknown")
    if "cost_amount" not in full:
        full["cost_amount"] = pd.Series([None] * len(full), index=full.index, dtype=object)
    for column in ("net_amount", "quantity", "unit_cost", "cost_amount"):
        full[column] = [
            None if v is None else Decimal(str(v)).quantize(Decimal("0.0001")) for v in full[column]
        ]
    return full


def _in_utc(rows: pd.DataFrame, deployment: Deployment) -> pd.DataFrame:
    """The files say when it was in local time; the calculation takes UTC, as the warehouse does."""
    zone = deployment.settings.zone

    def utc(moment: object) -> datetime | None:
        if moment is None or pd.isna(moment):
            return None
        local = pd.Timestamp(moment).to_pydatetime()  # type: ignore[arg-type]
        return local.replace(tzinfo=zone).astimezone(ZoneInfo("UTC")).replace(tzinfo=None)

    changed = {
        name: pd.Series([utc(v) for v in rows[name]], index=rows.index, dtype=object)
        for name in rows.columns
        if name.endswith("_at")
    }
    return rows.assign(**changed)


def merged(source: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Merged customers count as the one that is left, and as nobody of their own; nobody refers themselves."""
    customers = source["customers"]
    into = {
        row["customer_id"]: row["merged_into_customer_id"]
        for row in customers.to_dict("records")
        if row["merged_into_customer_id"] is not None
    }

    def left(who: str | None) -> str | None:
        while who is not None and who in into:
            who = into[who]
        return who

    def objects(values: list[str | None], table: pd.DataFrame) -> pd.Series:
        return pd.Series(values, index=table.index, dtype=object)

    result = {
        name: table.assign(customer_id=objects([left(who) for who in table["customer_id"]], table))
        if "customer_id" in table
        else table
        for name, table in source.items()
        if name != "customers"
    }
    survivors = customers[~customers["customer_id"].isin(into)]
    by = [left(who) for who in survivors["referred_by_customer_id"]]
    by = [None if who == own else who for who, own in zip(by, survivors["customer_id"], strict=True)]
    return result | {"customers": survivors.assign(referred_by_customer_id=objects(by, survivors))}

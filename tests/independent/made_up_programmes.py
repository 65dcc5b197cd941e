"""Made-up receipts of several lines, redemptions, consent, channels and days of registration around made-up purchases."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from typing import Any

Row = dict[str, Any]

POINTS_POLICIES = {
    "points_rates": "valid_from,category,points_per_currency_unit\n"
    "2022-02-10,all,1\n2022-02-10,coffee,1.5\n2022-02-10,cake,0\n2023-03-15,all,0.333333\n2023-03-15,tea,2.25\n"
    "2023-09-01,coffee,0.7\n",
    "points_multipliers": "valid_from,tier,multiplier\n"
    "2022-01-01,gold,1.5\n2022-01-01,new,1.1\n2022-01-01,lapsed,2\n2023-06-20,gold,1.234567\n2023-06-20,diamond,3\n",
    "points_expectations": "valid_from,points_value,expected_redemption_rate\n"
    "2022-04-01,0.01,0.9\n2022-11-30,0.0125,0.6\n2023-07-01,0.008,0.95\n",
}
"""Points begin after the first sales, and before the first expectation; one category earns nothing for a while."""
CARE_POLICY = """tier,contact_kind,day,channel
all,message,1,message
all,message,16,message
all,message,31,message
all,message,46,message
all,message,61,message
all,message,76,message
all,call,45,phone
all,long_call,90,phone
all,review,0,phone
all,birthday,0,message
gold,message,10,app
gold,message,14,app
gold,call,12,phone
gold,review,0,shop
lapsed,message,3,mail
"""
"""Gold has contacts so near each other that one interaction may serve several."""
CARE_OFFSETS = [0, 1, 4, 5, 6, 15, 16, 19, 20, 21, 30, 31, 45, 60, 75, 80, 85]
"""Days before an as-of date on which customers are contacted."""
CONTACTS = ["message", "email", "mail", "call", "call", "review", "visit", "campaign_mailing"]


def with_receipts(draw: random.Random, lines: list[Row]) -> list[Row]:
    """The lines with several of them on one receipt; some receipts span two days or two customers."""
    found, last = [], None
    for line in lines:
        if last is not None and (
            draw.random() < 0.4
            if (last["customer_id"], last["transaction_at"].date())
            == (line["customer_id"], line["transaction_at"].date())
            else draw.random() < 0.02
        ):
            line = line | {
                "transaction_id": last["transaction_id"],
                "line_number": last["line_number"] + 1,
            }
        found.append(line)
        last = line
    return found


def redemptions(draw: random.Random, lines: list[Row]) -> list[Row]:
    """Points spent soon after purchases, on the same day, at a month's end, and more than there are."""
    days: dict[str, list[date]] = defaultdict(list)
    for line in lines:
        if line["customer_id"] is not None:
            days[line["customer_id"]].append(line["transaction_at"].date())
    rows: list[Row] = []
    for who, own in days.items():
        for _ in range(draw.choice([0, 1, 4, 12])):
            day = draw.choice(own) + timedelta(days=draw.choice([0, 0, 1, 7, 40, 200]))
            if draw.random() < 0.2:
                day = day.replace(day=1) + timedelta(days=31)
                day = day.replace(day=1) - timedelta(days=1)
            rows.append(
                {
                    "redemption_id": f"r{len(rows)}",
                    "customer_id": who,
                    "redeemed_at": datetime.combine(day, draw.choice([time(0), time(23, 59, 59)])),
                    "points": draw.choice([1, 5, 20, 60, 150, 1000]),
                }
            )
    return rows


def known_about(draw: random.Random, ends: list[date]) -> Row:
    """Consent, the preferred channel, and days of registration and birth whose anniversaries are near an as-of date."""
    end = draw.choice(ends)
    near = end + timedelta(days=draw.choice([-31, -30, -29, 0, 1, 30, 31, -5, -6, 14, 15]))
    registered = near.replace(year=near.year - draw.choice([0, 1, 3]), day=min(near.day, 28))
    return {
        "is_marketing_consent": draw.choice([True, True, True, True, False, None]),
        "preferred_channel": draw.choice([None, None, "email", "app"]),
        "registered_on": draw.choice([registered, registered, date(2020, 2, 29), None]),
        "birth_date": draw.choice([near.replace(year=1980, day=min(near.day, 28)), date(1984, 2, 29), None]),
    }


def care_contacts(draw: random.Random, lines: list[Row], ends: list[date]) -> list[Row]:
    """Contacts before the as-of dates, of every kind that serves one."""
    rows: list[Row] = []
    for who in sorted({line["customer_id"] for line in lines if line["customer_id"] is not None}):
        for end in ends:
            for _ in range(draw.choice([0, 2, 5])):
                day = end - timedelta(days=draw.choice(CARE_OFFSETS) + draw.randrange(3))
                rows.append(
                    {
                        "interaction_id": f"ic{len(rows)}",
                        "customer_id": who,
                        "interaction_at": datetime.combine(
                            day, draw.choice([time(0), time(12), time(23, 59)])
                        ),
                        "direction": draw.choice(["outbound", "outbound", "outbound", "inbound"]),
                        "channel": draw.choice([None, "shop", "web", "phone"]),
                        "kind": draw.choice(CONTACTS),
                    }
                )
    return rows

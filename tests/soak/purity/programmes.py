"""Random redemptions of points: of customers who may owe more than they have, late, twice, and taken back."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from tests.soak.purity.landing import Row
from tests.soak.purity.voices import CUSTOMERS, LATE, at


def points_redemptions(day: date) -> st.SearchStrategy[Row]:
    return st.builds(
        lambda number, customer, late, points: {
            "redemption_id": f"r{number}",
            "customer_id": customer,
            "redeemed_at": at(day, late, hour=11),
            "points": points,
        },
        st.integers(1, 6),
        st.sampled_from([*CUSTOMERS, "c9"]),
        st.sampled_from(LATE),
        st.sampled_from([10, 300, 20_000]),
    )

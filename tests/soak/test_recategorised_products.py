"""A product that changes its category: what the marts make of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.dbt.merging_world import (
    FIRST,
    LAST,
    assert_built_in_part,
    assert_same,
    customers,
    deployment_in,
    land,
    marts,
    products,
)

pytestmark = pytest.mark.soak


def test_a_recategorised_product_has_its_new_category_in_all_of_history(tmp_path: Path) -> None:
    told = deployment_in(tmp_path / "told")
    told.land("products", FIRST, products())
    told.land("customers", FIRST, customers())
    land(told, FIRST, LAST)
    told.load()
    told.fit(LAST - timedelta(days=1))
    before = marts(told)
    told.land("products", LAST, products(p1="coffee")[:1])
    told.load()
    told.fit(LAST)
    assert_built_in_part(told)
    sold = "select product_id, category, min(business_date) from marts.fct_transactions group by all order by all"
    assert {(product, category) for product, category, _ in told.query(sold)} == {
        ("p1", "coffee"), ("p2", "wine"), (None, "unknown"),
    }  # fmt: skip

    known = deployment_in(tmp_path / "known")
    known.land("products", FIRST, products(p1="coffee"))
    known.land("customers", FIRST, customers())
    land(known, FIRST, LAST)
    known.load()
    known.fit(LAST)
    assert_same(marts(told), marts(known))

    told.fit(LAST - timedelta(days=1))
    assert ("p1", "tea") in {(product, category) for product, category, _ in told.query(sold)}
    assert_same(marts(told), before)

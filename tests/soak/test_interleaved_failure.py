"""Two runs of the DAGs whose tasks take turns, one of which fails its expectations; INTERLEAVINGS=20 tries 20 seeds."""

from __future__ import annotations

import pytest
from served import served_as_of

from pipelines.errors import ValidationFailedError
from tests.end_to_end.interleaving_world import SEEDS, Run, Shop, day, interleave, three_nights
from tests.end_to_end.nights_world import addresses, sales

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return three_nights(tmp_path_factory.mktemp("interleaved"))


@pytest.mark.parametrize("seed", SEEDS)
def test_of_a_run_that_fails_its_expectations_nothing_is_served(shop: Shop, seed: int) -> None:
    """The other run is either served without the failed one's rows or fails with it, by name of what is in its way."""
    deployment = shop.restore()
    served = deployment.settings.serving / "marts.duckdb"
    bad, good = day(4), day(5)
    deployment.land("transactions", bad, addresses(bad))
    deployment.land("transactions", good, sales(good))
    a, b = Run(deployment, "a-run", bad), Run(deployment, "b-run", good)
    order = interleave([a, b], seed)
    assert isinstance(a.error, ValidationFailedError), order
    assert b.error is None or "transactions 2024-05-04" in str(b.error), order
    assert served_as_of(deployment.settings) == (day(3) if b.error else good), order
    found = deployment.query("select count(*) from fct_transactions where customer_id like '%@%'", served)
    assert found == [(0,)], order
    assert deployment.query("select distinct status from ops.runs where run_id = 'a-run'") == [("failed",)]

    deployment.land("transactions", bad, sales(bad))
    again = [Run(deployment, "a-run", bad), *([Run(deployment, "b-run", good)] if b.error else [])]
    for run in again:
        while not run.is_over:
            run.advance()
        assert run.error is None, order
    shop.judge("mended", good)

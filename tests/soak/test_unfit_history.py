"""History that is found wanting: no night goes on beside it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from deployments import mainstay, says_one_thing, started

from tests.end_to_end.nights_world import addresses, database, sales, unvalidated

pytestmark = pytest.mark.soak

EARLIER, TONIGHT = date(2024, 5, 1), date(2024, 5, 2)


def test_history_that_is_found_wanting_stops_every_night(tmp_path: Path) -> None:
    deployment = started(tmp_path / "shop")
    deployment.land("transactions", EARLIER, addresses(EARLIER))
    deployment.land("transactions", TONIGHT, sales(TONIGHT))
    for kind in ("history", "nightly"):  # the second time the history is loaded, so the DAG has to find it
        result = mainstay(deployment.settings.home, "nightly", str(TONIGHT))
        says_one_thing(result, 6, "transactions.customer_id", "12 of ")
        assert deployment.query("select kind, status from ops.runs order by sequence desc limit 1") == [
            (kind, "failed")
        ]
        assert ("transactions", EARLIER) in unvalidated(deployment)
        assert not database(deployment).exists()
    assert deployment.query("select count(*) from ops.steps where step in ('stage', 'build', 'publish')") == [
        (0,)
    ]

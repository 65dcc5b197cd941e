"""A rebuild without some of the landing files: what BI would lose by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from deployments import mainstay, says_one_thing

from pipelines.publish.loss import require_no_loss
from tests.cli.rebuild_world import DAYS, published_shop, served

pytestmark = pytest.mark.soak


def test_a_loss_is_published_only_when_it_is_accepted(tmp_path: Path) -> None:
    shop = published_shop(tmp_path / "shop")
    before = served(shop)
    shop.path("transactions", DAYS[0]).unlink()
    refused = mainstay(shop.settings.home, "rebuild", "--yes")
    says_one_thing(refused, 7, "holds 10 transactions", "BI is served 15: 5 would be lost", "--accept-loss")
    assert served(shop) == before
    accepted = mainstay(shop.settings.home, "rebuild", "--yes", "--accept-loss")
    assert accepted.exit_code == 0, accepted.output
    said = " ".join(accepted.output.split())
    assert "lost: 5 transactions that were served are not landed any more" in said
    assert "mainstay publish --rollback" in said
    assert served(shop).tables["fct_transactions"].row_count == 10
    assert require_no_loss(shop.settings) == 0

"""Amounts in currencies of no, three and four decimals: held exactly, or rejects with a reason."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from loading_world import GOOD, World

from pipelines.errors import LoadError

CASES = {
    "JPY": (["1250", "1250.00", "-3", "99.0000000001"], ["1250.5", "0.01"], 0),
    "KWD": (["1.234", "1.2", "7", "-0.001"], ["1.2345", "0.0004"], 3),
    "CLF": (["1.2345", "2"], ["1.23456"], 4),
}


@pytest.mark.parametrize("currency", CASES)
@pytest.mark.parametrize("careful", [False, True], ids=["quick", "careful"])
def test_an_amount_is_held_to_the_coin_or_set_aside(tmp_path: Path, currency: str, careful: bool) -> None:
    held, wrong, scale = CASES[currency]
    world = World(tmp_path, currency=currency).setting(toleratedRejectRate=1)
    for n, amount in enumerate([*held, *wrong]):
        rows = [GOOD.format(n).replace("9.99", amount), *(["bad"] if careful else [])]
        world.rows(*rows, name=f"{n}.csv")
    world.load()
    coin = Decimal(1).scaleb(-scale)
    assert world.query("select net_amount from raw.transactions order by transaction_id") == [
        (Decimal(amount).quantize(coin),) for amount in held
    ]
    assert world.query("select distinct typeof(net_amount) from raw.transactions") == [
        (f"DECIMAL(18,{scale})",)
    ]
    reasons = world.query(
        "select reasons[1] from quarantine.transactions where raw_text <> 'bad' order by file_path"
    )
    assert reasons == [(f"net_amount: '{amount}' does not fit DECIMAL(18,{scale})",) for amount in wrong]


def test_rounding_by_contract_rounds_to_the_coin(tmp_path: Path) -> None:
    world = World(tmp_path, currency="JPY")
    world.column("net_amount", customProperties=[{"property": "rounding", "value": "halfUp"}])
    world.rows(GOOD.format(1).replace("9.99", "1250.5"))
    assert world.load().loaded == 1
    assert world.query("select net_amount from raw.transactions") == [(Decimal(1251),)]


def test_another_currency_of_other_decimals_asks_for_a_rebuild(tmp_path: Path) -> None:
    World(tmp_path).rows(GOOD.format(1))
    World(tmp_path).load()
    said = (
        r"net_amount is DECIMAL\(18,2\) but the contract now says DECIMAL\(18,0\), .* the currency; rebuild"
    )
    with pytest.raises(LoadError, match=said):
        World(tmp_path, currency="JPY").load()

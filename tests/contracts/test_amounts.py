"""An amount has the decimals of the reporting currency, however a contract writes its type."""

from __future__ import annotations

from pathlib import Path

import pytest
from loading_world import World

from pipelines.contracts import known_contracts, mart_contracts, source_contracts
from pipelines.contracts.amounts import AMOUNT, AVERAGE
from pipelines.errors import ContractError
from pipelines.load.tables import raw_columns
from pipelines.settings import PROJECT_DIR, Settings

SCALES = {"CNY": 2, "EUR": 2, "JPY": 0, "KRW": 0, "XOF": 0, "KWD": 3, "TND": 3, "CLF": 4, "HUF": 2}


@pytest.mark.parametrize(("currency", "scale"), SCALES.items())
def test_every_contract_follows_the_currency_in_one_process(currency: str, scale: int) -> None:
    settings = Settings(home=PROJECT_DIR, currency=currency)
    types = {AMOUNT: f"DECIMAL(18,{scale})", AVERAGE: f"DECIMAL(18,{max(4, scale + 2)})"}
    for name, mart in mart_contracts(settings).items():
        shipped = mart_contracts()[name]
        assert [c.type for c in mart.columns] == [types.get(c.type, c.type) for c in shipped.columns]
    found = known_contracts(settings)
    assert found["transactions"].column("net_amount").type == types[AMOUNT]
    assert found["wallet_surveys"].column("declared_wallet").type == types[AMOUNT]
    assert found["transactions"].column("quantity").type == "DECIMAL(18,3)"
    assert found["products"].column("unit_cost").type == "DECIMAL(18,4)"


def test_what_the_shipped_contracts_write_as_an_amount_is_money() -> None:
    """The type alone says so: a share or a count must never be written so."""
    contracts = [*mart_contracts().values(), *source_contracts(Settings(home=PROJECT_DIR)).values()]
    named = {
        c.name for contract in contracts for c in contract.columns
        if c.type == AMOUNT or (c.type == AVERAGE and contract.name in mart_contracts())
    }  # fmt: skip
    words = (
        "amount",
        "spend",
        "revenue",
        "profit",
        "wallet",
        "headroom",
        "run_rate",
        "lower_bound",
        "value",
        "recognised",
    )
    assert [name for name in sorted(named) if not any(word in name for word in words)] == []
    assert len(named) > 30


@pytest.mark.parametrize(
    ("currency", "written", "meant"),
    [
        ("CNY", 2, 2), ("JPY", 2, 0), ("JPY", 0, 0), ("KWD", 2, 3), ("KWD", 3, 3), ("CLF", 2, 4),
        ("CNY", 0, "the marts need DECIMAL(18,2)"),
        ("CNY", 3, "the marts need DECIMAL(18,2)"),
        ("JPY", 3, "the marts need DECIMAL(18,0), the decimals of JPY"),
        ("KWD", 0, "the marts need DECIMAL(18,3), the decimals of KWD"),
        ("KWD", 4, "the marts need DECIMAL(18,3), the decimals of KWD"),
    ],
)  # fmt: skip
def test_a_deployment_writes_an_amount_as_shipped_or_as_the_currency_has_it(
    tmp_path: Path, currency: str, written: int, meant: int | str
) -> None:
    world = World(tmp_path, currency=currency)
    world.column("net_amount", physicalType=f"DECIMAL(18,{written})")
    world.column("paid_tax", physicalType="DECIMAL(18,2)", logicalType="number")
    if isinstance(meant, str):
        with pytest.raises(ContractError) as error:
            source_contracts(world.settings)
        assert f"column net_amount: type DECIMAL(18,{written}); {meant}" in str(error.value)
        return
    types = dict(raw_columns(world.parsed))
    # The contract of this world leaves the discount out; the column of its own stays as it is written.
    assert [types[c] for c in ("net_amount", "discount_amount", "paid_tax")] == [
        f"DECIMAL(18,{meant})", f"DECIMAL(18,{meant})", "DECIMAL(18,2)",
    ]  # fmt: skip

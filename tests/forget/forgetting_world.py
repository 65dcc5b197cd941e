"""A deployment with two people in every dataset, one of whom is forgotten: rows that are good, broken, repeated and contested."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines import steps
from pipelines.publish import files
from pipelines.warehouse import ledger
from tests.deployments import Deployment, create

ANNA, MERGED, BEN = "C-ANNA-77", "C-OLD-78", "C-BEN-79"
MARKERS = ("zqname", "zqphone", "zqmail", "zqaddress", "zqcomment", ANNA, MERGED)
"""What of the person is anywhere: in lower case, as nothing may hold it in any."""
DAY, LATER = "2025-03-01", "2025-03-02"


class KilledError(Exception):
    """The process ends here."""


def sale(
    number: int, customer: str | None, amount: str = "10.00", day: str = DAY, **more: Any
) -> dict[str, Any]:
    return {
        "transaction_id": f"T{number}",
        "line_number": 1,
        "customer_id": customer,
        "product_id": "P1",
        "transaction_at": f"{day} 10:00:00",
        "quantity": "1",
        "net_amount": amount,
        **more,
    }


def customer(number: str, **more: Any) -> dict[str, Any]:
    return {"customer_id": number, **more}


def landed(home: Path, **settings: Any) -> Deployment:
    """The deployment with all its files landed, and nothing loaded."""
    world = create(home, **settings)
    shipped = [contract.path for contract in world.contracts.values()]
    folder = home / "data_contracts" / "sources"
    folder.mkdir(parents=True)
    for path in shipped:
        # One broken row of few is too many for a real night.
        text = path.read_text("utf-8").replace("value: 0.01", "value: 0.9")
        (folder / path.name).write_text(text, encoding="utf-8")
    world.land(
        "transactions",
        DAY,
        [sale(1, ANNA), sale(2, MERGED), sale(3, BEN), sale(3, BEN), sale(4, ANNA), sale(4, ANNA)],
        "sales.csv.gz",
    )
    # Again on a later date, and rows that break the contract, one with the number in another field.
    world.land(
        "transactions",
        LATER,
        [
            sale(1, ANNA, day=LATER, transaction_at=f"{DAY} 10:00:00", net_amount="12.00"),
            sale(5, BEN, day=LATER),
            sale(6, ANNA, "no amount", day=LATER),
            sale(7, None, "none", day=LATER, channel=ANNA),
            sale(8, None, "none", day=LATER, channel="zqphone-1234"),
        ],
    )
    anna = {
        "full_name": 'Anna "zqname" Weiß, Dr.',
        "phone": "zqphone-1234",
        "email": "zqmail@example.org",
        "address": "zqaddress 5",
        "birth_date": "1981-02-03",
    }
    world.land("customers", DAY, [customer(ANNA, **anna), customer(BEN), customer(MERGED, **anna)])
    world.land(
        "customers",
        LATER,
        [customer(MERGED, merged_into_customer_id=ANNA), customer(BEN, referred_by_customer_id=ANNA)],
    )
    common = {"topic": "price", "kind": "complaint"}
    world.land(
        "feedback",
        DAY,
        [
            {"feedback_id": "F1", "customer_id": ANNA, "feedback_at": f"{DAY} 11:00:00", **common}
            | {"comment_text": "I am zqcomment,\nin two lines"},
            {"feedback_id": "F2", "customer_id": BEN, "feedback_at": f"{DAY} 11:00:00", **common},
        ],
    )
    world.land(
        "interactions",
        DAY,
        [
            {
                "interaction_id": f"I{n}",
                "customer_id": who,
                "interaction_at": f"{DAY} 12:00:00",
                "direction": "outbound",
                "kind": "call",
            }
            for n, who in enumerate((ANNA, BEN, MERGED))
        ],
    )
    world.land(
        "wallet_surveys",
        DAY,
        [
            {
                "survey_id": f"S{n}",
                "category": "food",
                "brand": "ours",
                "customer_id": who,
                "surveyed_at": f"{DAY} 12:00:00",
                "is_own_brand": True,
                "preference_rank": 1.50,
            }
            for n, who in enumerate((ANNA, BEN))
        ],
    )
    world.land(
        "points_redemptions",
        DAY,
        [
            {"redemption_id": f"R{n}", "customer_id": who, "redeemed_at": f"{DAY} 12:00:00", "points": 10 + n}
            for n, who in enumerate((ANNA, BEN))
        ],
    )
    return world


def forget(world: Deployment, number: str = ANNA) -> dict[str, Any]:
    run_id = ledger.new_run_id("forget", ledger.now().date())
    steps.start(world.settings, run_id, "forget", ledger.now().date())
    return steps.forget(world.settings, run_id, number)


def kill_at(patch: pytest.MonkeyPatch, moment: str, times: int = 1) -> None:
    """Let the process end when it comes to a moment for the n-th time."""
    seen = [0]

    def crash(name: str) -> None:
        seen[0] += name == moment
        if name == moment and seen[0] == times:
            raise KilledError(moment)

    for module in _with_crash_point():
        patch.setattr(module, "crash_point", crash)


def _with_crash_point() -> list[Any]:
    import sys

    from pipelines.forget import compact, erase, rewrite, scrub
    from pipelines.steps import forget as step

    return [files, compact, erase, rewrite, scrub, sys.modules[step.__module__] if callable(step) else step]


def rows_by_table(world: Deployment) -> dict[str, list[tuple[Any, ...]]]:
    """All loaded rows as they are, but for the file that they came from."""
    names = world.query(
        "select table_schema, table_name from information_schema.tables "
        "where table_schema in ('raw', 'quarantine', 'duplicates') order by all"
    )
    found = {}
    for schema, table in names:
        meanwhile = "file_id" if schema == "raw" else "run_id, file_id, file_path, set_aside_at, line_number"
        left_out = "" if "__" in table else f"exclude ({meanwhile})"
        select = f'select * {left_out} from "{schema}"."{table}" order by all'
        found[f"{schema}.{table}"] = world.query(select)
    return found


def unaccounted(world: Deployment) -> list[tuple[Any, ...]]:
    """Loaded files whose rows in are not what became of them."""
    return world.query(
        "select dataset, path, rows_in, loaded, quarantined, rejected, ignored, duplicates, erased from ops.files "
        "where status = 'loaded' and rows_in <> loaded + quarantined + coalesce(rejected, 0) "
        "+ coalesce(ignored, 0) + duplicates + coalesce(erased, 0)"
    )

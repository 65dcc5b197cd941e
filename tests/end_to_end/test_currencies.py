"""Nights in currencies of three decimals and of none: amounts have the currency's decimals from load to report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest
from deployments import Deployment, create
from nights_world import database, night
from shortening import soak

from pipelines.contracts import mart_contracts
from pipelines.contracts.amounts import AMOUNT, AVERAGE
from pipelines.contracts.policies import DEFECTION_REASONS

pytestmark = pytest.mark.usefixtures("with_few_checks")

JANUARY, MARCH = date(2024, 1, 10), date(2024, 3, 20)


@dataclass(frozen=True)
class Shop:
    """A deployment after one night, with the smallest amount of its currency."""

    deployment: Deployment
    coin: Decimal

    @property
    def scale(self) -> int:
        return -int(self.coin.as_tuple().exponent)

    def served(self, sql: str) -> list[tuple[object, ...]]:
        return self.deployment.query(sql, database(self.deployment))


def line(
    number: int, day: date, customer: str, amount: Decimal, product: str | None = None
) -> dict[str, object]:
    return {
        "transaction_id": f"t{number}",
        "line_number": 1,
        "customer_id": customer,
        "product_id": product,
        "transaction_at": f"{day} 11:00:00",
        "quantity": "1",
        "net_amount": f"{amount:f}",
    }  # fmt: skip


@pytest.fixture(
    scope="module", params=[pytest.param(("KWD", "0.001"), id="KWD"), soak(("JPY", "1"), id="JPY")]
)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Over three months one customer is at a bound and one a coin below it; one unit costs a coin and a half."""
    currency, coin = request.param[0], Decimal(request.param[1])
    deployment = create(tmp_path_factory.mktemp(currency), currency=currency, new_customer_months=1)
    bound = 3000 * coin
    (deployment.settings.policies / "tier_policy.csv").write_text(
        "valid_from,tier,label_zh,label_en,tier_rank,lower_bound\n"
        f"2000-01-01,gold,金,Gold,1,{bound:f}\n2000-01-01,ordinary,普通,Ordinary,2,0\n",
        encoding="utf-8",
    )
    (deployment.settings.policies / "defection_topics.csv").unlink()
    cost = f"{coin * Decimal('1.5'):f}"
    deployment.land("products", MARCH, [{"product_id": "p1", "category": "tea", "unit_cost": cost}])
    lines = [
        line(1, JANUARY, "at_bound", 3 * bound, "p1"),
        line(2, JANUARY, "below", 3 * bound - 2 * coin),
        line(3, MARCH, "below", coin),
        *(line(n, MARCH, f"c{n}", 11 * coin) for n in range(4, 203)),
        line(203, MARCH, "half", coin * Decimal("1.5")),
    ]
    deployment.land("transactions", MARCH, lines)
    survey = {"survey_id": "s1", "customer_id": "at_bound", "category": "tea", "brand": "us"}
    survey |= {"surveyed_at": f"{MARCH} 09:00:00", "is_own_brand": "true"}
    deployment.land("wallet_surveys", MARCH, [survey | {"declared_wallet": f"{4 * bound + coin:f}"}])
    night(deployment, MARCH)
    return Shop(deployment, coin)


@pytest.mark.soak
def test_every_amount_is_of_the_currency_and_every_average_of_two_decimals_more(shop: Shop) -> None:
    types = {
        (table, column): type_
        for table, column, type_ in shop.served("select table_name, column_name, data_type from duckdb_columns()")
    }  # fmt: skip
    expected = {AMOUNT: f"DECIMAL(18,{shop.scale})", AVERAGE: f"DECIMAL(18,{max(4, shop.scale + 2)})"}
    shipped = [(mart.name, c) for mart in mart_contracts().values() for c in mart.columns]
    found = {(mart, c.name): types[mart, c.name] for mart, c in shipped}
    assert found == {(mart, c.name): expected.get(c.type, c.type) for mart, c in shipped}
    assert sum(type_ in expected for _, c in shipped for type_ in [c.type]) > 40


@pytest.mark.soak
def test_a_policy_that_may_be_left_out_is_the_shipped_one_then(shop: Shop) -> None:
    topics = shop.deployment.query("select topic, reason from seeds.defection_topics order by all")
    assert topics == [(reason, reason) for reason in sorted(DEFECTION_REASONS)]


@pytest.mark.soak
def test_half_a_coin_is_a_reject_with_its_reason(shop: Shop) -> None:
    rejects = shop.deployment.query("select raw_text, reasons from quarantine.transactions")
    value = shop.coin * Decimal("1.5")
    assert [reasons for _, reasons in rejects] == [
        [f"net_amount: '{value:f}' does not fit DECIMAL(18,{shop.scale})"]
    ]
    assert shop.served("select count(*) from fct_transactions where customer_id = 'half'") == [(0,)]


@pytest.mark.soak
def test_cost_and_profit_add_up_to_the_coin(shop: Shop) -> None:
    assert shop.served("select * from fct_transactions where cost_amount + profit_amount <> net_amount") == []
    [(cost, profit)] = shop.served(
        "select cost_amount, profit_amount from fct_transactions where product_id = 'p1'"
    )
    assert (cost, profit) == (2 * shop.coin, 9000 * shop.coin - 2 * shop.coin)  # fmt: skip
    for mart, amount in (
        ("customer_value", "net_revenue_to_date"),
        ("customer_tiers_monthly", "window_spend"),
    ):
        newest = "where month = date '2024-03-01'" if mart == "customer_tiers_monthly" else ""
        assert shop.served(
            f"select (select sum({amount}) from {mart} {newest}) - (select sum(net_amount) from fct_transactions)"
        ) == [(0,)]


@pytest.mark.soak
def test_a_coin_below_a_bound_is_below_it_in_tier_average_and_words(shop: Shop) -> None:
    rows = shop.served(
        "select customer_id, tier, reason, avg_monthly_spend < 3000 * (select min(net_amount) from fct_transactions) "
        "from customer_tiers_monthly where month = date '2024-03-01' and customer_id in ('at_bound', 'below') order by 1"
    )
    bound, below = (f"{amount * shop.coin:f}" for amount in (3000, 2999))
    zero = f"{0 * shop.coin:f}"
    assert rows == [
        ("at_bound", "gold", f"avg_monthly_spend {bound} >= {bound}", False),
        ("below", "ordinary", f"avg_monthly_spend {below} >= {zero}", True),
    ]


@pytest.mark.soak
def test_the_report_is_written_in_the_currency(shop: Shop) -> None:
    settings = shop.deployment.settings
    page = (settings.serving / "report.html").read_text(encoding="utf-8")
    assert f"Money in {settings.currency}, net of discounts" in page

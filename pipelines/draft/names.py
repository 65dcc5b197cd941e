"""Which of the sample's columns is which of the contract's, by what such columns are usually called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

USUAL: Mapping[str, str] = {
    "transaction_id": "invoice invoiceno invoicenumber invoiceid order orderid orderno ordernumber receipt receiptno "
    "receiptnumber receiptid ticket bill billno 小票号 订单号 订单编号 交易号 单号 单据号 流水号 销售单号",
    "line_number": "line lineno lineid linenumber position pos rowno 行号 序号 明细号",
    "customer_id": "customer customerno customernumber custid client clientid member memberid memberno userid buyer "
    "buyerid 会员号 会员编号 会员卡号 客户号 客户编号 用户id 顾客编号 买家id",
    "product_id": "product productno sku skuid item itemid itemno article articleno stockcode barcode 商品编码 商品编号 "
    "商品id 货号 条码",
    "transaction_at": "invoicedate orderdate saledate solddate soldat date datetime timestamp time purchasedate createdat "
    "交易时间 销售时间 销售日期 下单时间 消费时间 订单日期 日期 时间",
    "quantity": "qty units pieces count menge 数量 件数 份数",
    "net_amount": "amount net total linetotal sales saleamount revenue netsales paid paidamount 金额 实收金额 实付金额 销售额 "
    "消费金额 成交金额",
    "discount_amount": "discount 优惠金额 折扣金额",
    "cost_amount": "cost 成本 成本金额",
    "store_id": "store shop storeno shopid branch outlet 门店 门店编号 店铺",
    "channel": "saleschannel 渠道",
    "full_name": "name customername fullname 姓名 名称",
    "phone": "telephone tel mobile phonenumber 电话 手机 手机号",
    "email": "mail emailaddress 邮箱",
    "address": "street 地址",
    "birth_date": "birthday dob dateofbirth 生日 出生日期",
    "gender": "sex 性别",
    "region": "country state province 地区 省份 国家",
    "registered_on": "registrationdate signupdate joined joinedon createdon 注册日期 注册时间",
    "product_name": "description productname itemname 商品名称 品名",
    "category": "group productgroup department 类别 品类 分类",
    "unit_cost": "purchaseprice costprice 进价 成本价",
    "feedback_id": "reviewid responseid surveyid ticketid 评价编号",
    "feedback_at": "reviewdate respondedon answeredat createdat date 评价时间",
    "score": "rating stars nps 评分",
    "comment_text": "comment review text reviewtext feedback 评论 评价内容",
}
"""Usual names of the shipped contracts' columns, without blanks, marks and capitals."""

UNIT_PRICE = frozenset(["unitprice", "price", "priceeach", "单价", "售价"])
PERSONAL = re.compile(
    r"name\b|e-?mail|phone|mobile|\btel\b|address|street|birth|passport|\biban\b|姓名|电话|手机|邮箱|地址|生日|身份证",
    re.IGNORECASE,
)
"""Headers of columns that are most likely about a person."""


def plain(name: str) -> str:
    """A name without what people vary."""
    return re.sub(r"[\W_]+", "", name).casefold()


def matched(wanted: Iterable[str], headers: Iterable[str]) -> dict[str, str]:
    """For each of the contract's columns the header that means it, as far as one does; no header twice."""
    left = {plain(header): header for header in reversed(list(headers))}
    found: dict[str, str] = {}
    wanted = list(wanted)
    # Its own name first for all of them, so that a usual name takes no other column's header.
    tries = [(name, [plain(name)]) for name in wanted]
    tries += [(name, USUAL.get(name, "").split()) for name in wanted]
    for name, names in tries:
        hit = next((n for n in names if n in left), None)
        if name not in found and hit is not None:
            found[name] = left.pop(hit)
    return found


def own_names(headers: Iterable[str], wanted: Iterable[str]) -> dict[str, str]:
    """Column names of our own for headers that the contract does not know, none of them one of the contract's."""
    taken, names = set(wanted), {}
    for number, header in enumerate(headers, start=1):
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", header)
        latin = words.casefold().encode("ascii", "ignore").decode()
        name = re.sub(r"[^a-z0-9]+", "_", latin).strip("_")[:50]
        if not name or not name[0].isalpha():
            name = f"column_{number}"
        while name in taken:
            name += "_of_source"
        taken.add(name)
        names[header] = name
    return names

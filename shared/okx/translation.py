"""OKX's words turned into ours: model in, domain value out; no I/O here.

Whatever does not fit our words is `Unreadable`, with the field and what it held: nothing is guessed.
"""

from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from typing import TypeVar

from shared.domain import fills, instruments, outcomes
from shared.domain.ids import AccountId, ClOrdId, InstId
from shared.domain.quantities import Contracts, Price
from shared.okx import frames, models
from shared.okx.errors import Unreadable

E = TypeVar("E", bound=StrEnum)

_ZERO = Decimal(0)
_DERIVATIVES = frozenset({instruments.InstType.SWAP, instruments.InstType.FUTURES, instruments.InstType.OPTION})


def order_report(order: models.Order) -> outcomes.OrderReport:
    """Read an order's state. Raises Unreadable."""
    average = amount(order.avgPx, "avgPx")
    return outcomes.OrderReport(
        cl_ord_id=ClOrdId(order.clOrdId),
        order_id=order.ordId,
        side=word(instruments.Side, order.side, "side"),
        state=word(outcomes.OrderState, order.state, "state"),
        size=Contracts(number(order.sz, "sz")),
        filled=Contracts(amount(order.accFillSz, "accFillSz")),
        average=Price(average) if average else None,
        fee=amount(order.fee, "fee"),
        fee_currency=order.feeCcy,
        updated_ms=moment(order.uTime, "uTime"),
    )


def leader_fill(fill: models.Fill, leader: AccountId, seen_ms: int) -> fills.Fill:
    """Read a fill that REST shows. Raises Unreadable."""
    return fills.Fill(
        leader=leader,
        inst_id=InstId(fill.instId),
        inst_type=word(instruments.InstType, fill.instType, "instType"),
        trade_id=present(fill.tradeId, "tradeId"),
        order_id=fill.ordId,
        side=word(instruments.Side, fill.side, "side"),
        pos_side=position_side(fill.posSide),
        size=Contracts(number(fill.fillSz, "fillSz")),
        price=Price(number(fill.fillPx, "fillPx")),
        category="",
        at_ms=moment(fill.fillTime, "fillTime"),
        bill_id=str(moment(fill.billId, "billId")),
        source=fills.Source.REST,
        seen_ms=seen_ms,
        tag=fill.tag,
    )


def pushed_fill(push: frames.OrderPush, leader: AccountId, seen_ms: int) -> fills.Fill:
    """Read the fill of a push that carries one. Raises Unreadable."""
    return fills.Fill(
        leader=leader,
        inst_id=InstId(push.instId),
        inst_type=word(instruments.InstType, push.instType, "instType"),
        trade_id=present(push.tradeId, "tradeId"),
        order_id=push.ordId,
        side=word(instruments.Side, push.side, "side"),
        pos_side=position_side(push.posSide),
        size=Contracts(number(push.fillSz, "fillSz")),
        price=Price(number(push.fillPx, "fillPx")),
        category=push.category,
        at_ms=moment(push.fillTime, "fillTime"),
        bill_id="",
        source=fills.Source.SOCKET,
        seen_ms=seen_ms,
        tag=push.tag,
    )


def oldest_bill(page: list[models.Fill]) -> str:
    """Return where the next, older page begins. Raises Unreadable."""
    return min((fill.billId for fill in page), key=lambda bill: moment(bill, "billId"))


def net_positions(rows: list[models.Position]) -> dict[InstId, Contracts]:
    """Add up the signed contracts per derivative, whatever margin mode or side they are held in. Raises Unreadable.

    Margin positions are left out: theirs is a size in coins whose sign hides in `posCcy`.
    """
    net: dict[InstId, Contracts] = {}
    for row in rows:
        if row.instType in _DERIVATIVES:
            inst_id = InstId(row.instId)
            net[inst_id] = Contracts(net.get(inst_id, _ZERO) + _signed(row))
    return {inst_id: size for inst_id, size in net.items() if size}


def instrument(row: models.Instrument) -> instruments.Instrument:
    """Read a product's rules. Raises Unreadable, also for products that are not counted in contracts."""
    return instruments.Instrument(
        inst_id=InstId(row.instId),
        inst_type=word(instruments.InstType, row.instType, "instType"),
        linear=row.ctType == "linear",
        contract_value=positive(row.ctVal, "ctVal") * positive(row.ctMult, "ctMult"),
        lot=Contracts(positive(row.lotSz, "lotSz")),
        minimum=Contracts(positive(row.minSz, "minSz")),
        tick=Price(positive(row.tickSz, "tickSz")),
        max_market=Contracts(positive(row.maxMktSz, "maxMktSz")),
        max_limit=Contracts(positive(row.maxLmtSz, "maxLmtSz")),
        live=row.state == "live",
    )


def position_side(text: str) -> fills.PosSide:
    """Read `posSide`; products without one are net. Raises Unreadable."""
    return word(fills.PosSide, text, "posSide") if text else fills.PosSide.NET


def number(text: str, field: str) -> Decimal:
    """Read an exact number. Raises Unreadable."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Unreadable(f"{field} is {text!r}; expected a number") from None
    if not value.is_finite():
        raise Unreadable(f"{field} is {text!r}; expected a finite number")
    return value


def positive(text: str, field: str) -> Decimal:
    """Read a number above zero. Raises Unreadable."""
    value = number(text, field)
    if value <= 0:
        raise Unreadable(f"{field} is {text!r}; expected more than zero")
    return value


def amount(text: str, field: str) -> Decimal:
    """Read a number, zero if OKX leaves it empty. Raises Unreadable."""
    return number(text, field) if text else _ZERO


def price(text: str, field: str) -> Price | None:
    """Read a price, None if OKX leaves it empty or zero. Raises Unreadable."""
    return Price(amount(text, field)) or None


def moment(text: str, field: str) -> int:
    """Read Unix milliseconds, or another whole number that only orders things. Raises Unreadable."""
    if not (text.isascii() and text.isdecimal()):
        raise Unreadable(f"{field} is {text!r}; expected a whole number")
    return int(text)


def present(text: str, field: str) -> str:
    """Read a text that must not be empty. Raises Unreadable."""
    if not text:
        raise Unreadable(f"{field} is empty; expected a text")
    return text


def word(kind: type[E], text: str, field: str) -> E:
    """Read a word of a closed set. Raises Unreadable."""
    known: E | None = _words(kind).get(text)
    if known is None:
        raise Unreadable(f"{field} is {text!r}; expected one of {', '.join(kind)}")
    return known


@cache
def _words(kind: type[E]) -> dict[str, E]:
    """List a set by its words: asked of the class, each costs ten times as much, twice for every order."""
    return {each.value: each for each in kind}


def _signed(row: models.Position) -> Decimal:
    size = amount(row.pos, "pos")
    return -size if position_side(row.posSide) is fills.PosSide.SHORT else size

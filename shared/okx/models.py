"""OKX's messages as we read them: its own field names, its own text; nothing is converted here.

Every number on the wire is a JSON string and stays one, so a modelled field equals the wire to the letter. A field
without a default is one we cannot do without: a message that lacks it is refused as unreadable. Fields we do not use
are not modelled; they are passed over, and `strangers` names those a model does not know.

`D#anchor`, here and elsewhere, is https://www.okx.com/docs-v5/en/#anchor.
"""

# ruff: noqa: N815 - OKX's own field names are kept, so that what is modelled can be compared with the wire

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Reply(msgspec.Struct, Generic[T], frozen=True):
    """The envelope of every REST answer (D#overview-general-info); gateway refusals carry no `data`."""

    code: str | int
    """Text by the documentation; once seen as a bare integer."""
    msg: str = ""
    data: list[T] = []
    inTime: str = ""
    outTime: str = ""


class OrderReply(msgspec.Struct, frozen=True):
    """One item of an answer to a placed order; `sCode` governs (D#order-book-trading-trade-post-place-order)."""

    clOrdId: str
    ordId: str
    sCode: str
    sMsg: str = ""
    tag: str = ""
    ts: str = ""
    subCode: str = ""


class Order(msgspec.Struct, frozen=True):
    """An order as REST shows it; `accFillSz`, `avgPx`, `fee` are cumulative, `fillSz`, `tradeId` of the last fill.

    D#order-book-trading-trade-get-order-details.
    """

    instType: str
    instId: str
    ordId: str
    clOrdId: str
    side: str
    state: str
    sz: str
    accFillSz: str
    avgPx: str
    fee: str
    feeCcy: str
    uTime: str
    cTime: str = ""
    tag: str = ""
    px: str = ""
    ordType: str = ""
    posSide: str = ""
    tdMode: str = ""
    fillSz: str = ""
    fillPx: str = ""
    fillTime: str = ""
    tradeId: str = ""
    category: str = ""
    cancelSource: str = ""
    reduceOnly: str = ""


class Fill(msgspec.Struct, frozen=True):
    """A fill as REST shows it (D#order-book-trading-trade-get-transaction-details-last-3-days)."""

    instType: str
    instId: str
    tradeId: str
    ordId: str
    billId: str
    side: str
    fillSz: str
    fillPx: str
    fillTime: str
    ts: str
    clOrdId: str = ""
    tag: str = ""
    posSide: str = ""
    fee: str = ""
    feeCcy: str = ""
    subType: str = ""
    execType: str = ""


class Position(msgspec.Struct, frozen=True):
    """A position; `pos` is signed in net mode, positive with `posSide` in long/short mode.

    D#trading-account-rest-api-get-positions.
    """

    instType: str
    instId: str
    posSide: str
    pos: str
    mgnMode: str = ""
    posCcy: str = ""
    posId: str = ""
    availPos: str = ""
    avgPx: str = ""
    lever: str = ""
    upl: str = ""
    notionalUsd: str = ""
    ccy: str = ""
    cTime: str = ""
    uTime: str = ""


class Asset(msgspec.Struct, frozen=True):
    """One currency of a balance; `availEq` only in modes 2 to 4, `availBal` for spot."""

    ccy: str
    eq: str
    cashBal: str = ""
    availBal: str = ""
    availEq: str = ""
    frozenBal: str = ""
    ordFrozen: str = ""
    eqUsd: str = ""
    uTime: str = ""


class Balance(msgspec.Struct, frozen=True):
    """The account's equity (D#trading-account-rest-api-get-balance)."""

    totalEq: str
    uTime: str
    details: list[Asset]
    adjEq: str = ""
    availEq: str = ""


class AccountConfig(msgspec.Struct, frozen=True):
    """How the account is set up (D#trading-account-rest-api-get-account-configuration)."""

    uid: str
    mainUid: str
    acctLv: str
    posMode: str
    perm: str
    roleType: str = ""
    traderInsts: list[str] = []
    feeType: str = ""
    label: str = ""
    ip: str = ""


class Instrument(msgspec.Struct, frozen=True):
    """A product's rules (D#public-data-rest-api-get-instruments)."""

    instType: str
    instId: str
    state: str
    lotSz: str
    minSz: str
    tickSz: str
    ctVal: str
    ctMult: str
    ctType: str
    maxLmtSz: str
    maxMktSz: str
    ctValCcy: str = ""
    settleCcy: str = ""
    baseCcy: str = ""
    quoteCcy: str = ""
    instFamily: str = ""
    lever: str = ""
    listTime: str = ""
    expTime: str = ""


class Ticker(msgspec.Struct, frozen=True):
    """Last trade and best quotes (D#order-book-trading-market-data-get-ticker)."""

    instType: str
    instId: str
    last: str
    ts: str
    askPx: str = ""
    bidPx: str = ""


class MarkPrice(msgspec.Struct, frozen=True):
    """The price margins are computed from (D#public-data-rest-api-get-mark-price)."""

    instType: str
    instId: str
    markPx: str
    ts: str


class PriceLimit(msgspec.Struct, frozen=True):
    """The price band; both limits are "" when disabled (D#public-data-rest-api-get-limit-price)."""

    instId: str
    buyLmt: str
    sellLmt: str
    ts: str
    enabled: bool = True


class ServerTime(msgspec.Struct, frozen=True):
    """The venue's Unix milliseconds (D#public-data-rest-api-get-system-time)."""

    ts: str


class TokenReply(msgspec.Struct, frozen=True):
    """The flat answer of the token endpoint; `expires_in` is seconds."""

    access_token: str
    expires_in: int | str
    refresh_token: str = ""
    token_type: str = ""

    def __repr__(self) -> str:
        return "TokenReply(***)"


def strangers(item: object, model: type[msgspec.Struct]) -> Iterator[str]:
    """Name the members of a decoded JSON object, and of those inside it, that `model` does not know."""
    if not isinstance(item, dict):
        return
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(model)}
    for name, value in item.items():
        if name not in fields:
            yield name
        elif (inner := _element(fields[name])) and isinstance(value, list):
            yield from (f"{name}.{inside}" for part in value for inside in strangers(part, inner))


def _element(kind: object) -> type[msgspec.Struct] | None:
    """Return the model of a list's elements, None if the field is no list of models."""
    inside = getattr(kind, "__args__", (None,))[0]
    return inside if isinstance(inside, type) and issubclass(inside, msgspec.Struct) else None

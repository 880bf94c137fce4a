"""From the members of an order request to a checked ticket: everything that can be refused without the account's funds.

Source: OKX reference, POST /api/v5/trade/order, and its error code tables. Where OKX is known to ignore a member
(unknown names), it is ignored here too.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal

from services.okx_simulator.venue.accounts import Account
from services.okx_simulator.venue.instruments import Instrument
from services.okx_simulator.venue.orders import Ticket
from services.okx_simulator.wire.numbers import positive, wire
from services.okx_simulator.wire.refusals import Refused, empty, parameter

_CL_ORD_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}").fullmatch
_TAG: Final = re.compile(r"[A-Za-z0-9]{1,16}").fullmatch

_PRICED: Final = frozenset({"limit", "post_only", "fok", "ioc"})
_TYPES: Final = _PRICED | {"market", "optimal_limit_ioc"}
_MODES: Final = {
    # account mode: what spot takes, what swaps take (OKX reference, tdMode by account mode)
    "1": (("cash",), ()),
    "2": (("cash",), ("cross", "isolated")),
    "3": (("cross",), ("cross",)),
    "4": (("cross",), ("cross",)),
}
_CLOSED_STATES: Final = {"suspend": "51022", "preopen": "51124", "post_only": "51124"}


def ticket_of(members: Mapping[str, Any], account: Account, by_id: Mapping[str, Instrument]) -> Ticket:
    """Check an order request's members against form, instrument and account mode; no state is touched.

    Raises:
        Refused: with OKX's code for the first thing that is wrong.
    """
    instrument = _instrument(members, by_id)
    ticket = Ticket(
        instrument=instrument,
        td_mode=_td_mode(members, account, instrument),
        side=_side(members),
        pos_side=_pos_side(members, account, instrument),
        ord_type=_ord_type(members, instrument),
        sz=_required_number(members, "sz"),
        reduce_only=_flag(members, "reduceOnly"),
        cl_ord_id=_identifier(members, "clOrdId", _CL_ORD_ID),
        tag=_identifier(members, "tag", _TAG),
        ccy=_text(members, "ccy"),
        tgt_ccy=_text(members, "tgtCcy"),
    )
    if ticket.ord_type in _PRICED:
        ticket.px = _required_number(members, "px")
    check_state(instrument, ticket.ord_type)
    check_size(ticket)
    check_price(ticket)
    return ticket


def check_state(instrument: Instrument, ord_type: str) -> None:
    """Refuse what the instrument's state does not allow."""
    if instrument.state == "live" or (instrument.state == "post_only" and ord_type == "post_only"):
        return
    raise Refused(_CLOSED_STATES.get(instrument.state, "51022"))


def check_size(ticket: Ticket) -> None:
    """Refuse a size off the lot, below the least or above the most of one order."""
    instrument, sz = ticket.instrument, ticket.sz
    if is_quote_sized(ticket):
        if sz > instrument.most_market:
            raise Refused("51201")
        return
    if sz < instrument.least:
        raise Refused("51020")
    if sz % instrument.lot:
        raise Refused("51121")
    if ticket.px is None and not instrument.is_spot and sz > instrument.most_market:
        raise Refused("51202")
    if ticket.px is None and instrument.is_spot and sz * instrument.px > instrument.most_market:
        raise Refused("51201")
    if ticket.px is not None and sz > instrument.most_limit:
        raise Refused("51203")


def check_price(ticket: Ticket) -> None:
    """Refuse a price off the tick or beyond the band on its aggressive side."""
    px, instrument = ticket.px, ticket.instrument
    if px is None:
        return
    if px % instrument.tick:
        raise parameter("px")
    highest, lowest = instrument.buy_limit(), instrument.sell_limit()
    if (ticket.side == "buy" and px > highest) or (ticket.side == "sell" and px < lowest):
        bounds = f"(max buy price: {wire(highest)} min sell price: {wire(lowest)})"
        raise Refused("51006", f"Order price is not within the price limit {bounds}")


def is_quote_sized(ticket: Ticket) -> bool:
    """Tell whether `sz` counts quote currency: spot market buys unless told otherwise."""
    if not ticket.instrument.is_spot or ticket.ord_type != "market":
        return False
    return (ticket.tgt_ccy or ("quote_ccy" if ticket.side == "buy" else "base_ccy")) == "quote_ccy"


def _instrument(members: Mapping[str, Any], by_id: Mapping[str, Instrument]) -> Instrument:
    inst_id = _text(members, "instId")
    if not inst_id:
        raise empty("instId")
    instrument = by_id.get(inst_id)
    if instrument is None:
        raise Refused("51001")
    return instrument


def _td_mode(members: Mapping[str, Any], account: Account, instrument: Instrument) -> str:
    mode = _text(members, "tdMode")
    if not mode:
        raise empty("tdMode")
    spot, swap = _MODES[account.acct_lv]
    allowed = spot if instrument.is_spot else swap
    if not allowed:
        raise Refused("51010")
    if mode not in allowed:
        raise parameter("tdMode")
    return mode


def _side(members: Mapping[str, Any]) -> Literal["buy", "sell"]:
    side = _text(members, "side")
    if side == "buy":
        return "buy"
    if side == "sell":
        return "sell"
    raise parameter("side")


def _pos_side(members: Mapping[str, Any], account: Account, instrument: Instrument) -> str:
    given = _text(members, "posSide")
    if instrument.is_spot:
        wanted: tuple[str, ...] = ("", "net")
    else:
        wanted = ("", "net") if account.pos_mode == "net_mode" else ("long", "short")
    if given not in wanted:
        raise parameter("posSide")
    return given or ("" if instrument.is_spot else "net")


def _ord_type(members: Mapping[str, Any], instrument: Instrument) -> str:
    ord_type = _text(members, "ordType")
    if not ord_type:
        raise empty("ordType")
    if ord_type not in _TYPES or (ord_type == "optimal_limit_ioc" and instrument.is_spot):
        raise parameter("ordType")
    return ord_type


def _required_number(members: Mapping[str, Any], name: str) -> Decimal:
    given = members.get(name)
    if given in (None, ""):
        raise empty(name)
    value = positive(given)
    if value is None:
        raise parameter(name)
    return value


def _flag(members: Mapping[str, Any], name: str) -> bool:
    given = members.get(name)
    if given in (None, "", False, "false"):
        return False
    if given in (True, "true"):
        return True
    raise parameter(name)


def _identifier(members: Mapping[str, Any], name: str, matches: Any) -> str:  # noqa: ANN401 - a bound fullmatch
    given = _text(members, name)
    if given and matches(given) is None:
        raise parameter(name)
    return given


def _text(members: Mapping[str, Any], name: str) -> str:
    given = members.get(name)
    if given is None:
        return ""
    if not isinstance(given, str):
        raise parameter(name)
    return given

"""What an answer of OKX means; no I/O here.

Two rules decide about an order. Where the answer has an item, the item's `sCode` governs, whatever the envelope or the
HTTP status say. Without an item only a code of the table, on a status below 500, is definitive; all else is Unknown,
because an order that may exist must be asked for before anything else is sent.
"""

from http import HTTPStatus
from typing import TypeVar

import msgspec

from shared.domain.ids import ClOrdId, InstId
from shared.domain.outcomes import Accepted, Category, NotPlaced, OrderReport, Placement, Postponement, Refused, Unknown
from shared.okx import errors, models, translation
from shared.okx.codes import ABSENT, CODES, SUCCESS, Reaction
from shared.okx.protocol import Response

T = TypeVar("T")

_ORDER_REPLY = msgspec.json.Decoder(models.Reply[models.OrderReply])
_ORDER = msgspec.json.Decoder(models.Reply[models.Order])
_ENVELOPE = msgspec.json.Decoder(models.Reply[msgspec.Raw])
_FAULTY = HTTPStatus.INTERNAL_SERVER_ERROR


def read_placement(response: Response, cl_ord_id: ClOrdId) -> Placement:
    """Tell what became of an order from the answer to placing it; never raises."""
    try:
        reply = _ORDER_REPLY.decode(response.body)
    except msgspec.MsgspecError as error:
        return Unknown(f"HTTP {response.status}: unreadable answer: {error}")
    if not reply.data:
        return _without_item(response.status, str(reply.code), reply.msg)
    item = reply.data[0]
    if len(reply.data) != 1 or item.clOrdId not in {cl_ord_id, ""}:
        return Unknown(f"HTTP {response.status}: the answer speaks of other orders than the one that was sent")
    if item.sCode != SUCCESS:
        return _rejected(item.sCode, item.subCode, item.sMsg, item.tag)
    if not (item.clOrdId and item.ordId):
        return Unknown("accepted, yet the answer does not name the order")
    return Accepted(item.ordId, int(item.ts) if item.ts.isdecimal() else 0)


def read_order(response: Response, inst_id: InstId, cl_ord_id: ClOrdId) -> OrderReport | None:
    """Tell how an order stands, or None if OKX says that it shows none of that name.

    Raises:
        OkxError: the answer is neither.
    """
    reply = _decoded(_ORDER, response)
    if not reply.data:
        if reply.code in ABSENT and response.status < _FAULTY:
            return None
        raise failure(response.status, str(reply.code), reply.msg)
    order = reply.data[0]
    if len(reply.data) != 1 or (order.instId, order.clOrdId) != (inst_id, cl_ord_id):
        raise errors.Unreadable("the answer shows other orders than the one that was asked for")
    return translation.order_report(order)


def read_items(response: Response, decoder: msgspec.json.Decoder[models.Reply[T]]) -> list[T]:
    """Return the items of a successful answer.

    Raises:
        OkxError: it is not one; which kind says what may be done.
    """
    try:
        reply = decoder.decode(response.body)
    except msgspec.MsgspecError as error:
        # A refusal need not have items of the expected shape: its code says more than our disappointment.
        envelope = _decoded(_ENVELOPE, response)
        if str(envelope.code) != SUCCESS:
            raise failure(response.status, str(envelope.code), envelope.msg) from None
        raise errors.Unreadable(f"HTTP {response.status}: unreadable answer: {error}") from None
    if str(reply.code) != SUCCESS or response.status != HTTPStatus.OK:
        raise failure(response.status, str(reply.code), reply.msg)
    return reply.data


def failure(status: int, code: str, message: str) -> errors.OkxError:
    """Return the error that an envelope without success is, for a request that changes nothing when repeated."""
    known = CODES.get(code)
    if status >= _FAULTY or code == SUCCESS or (known and known.reaction is Reaction.AMBIGUOUS):
        return errors.Unanswered(f"HTTP {status}: {code} {message}".rstrip())
    if known is None:
        return errors.Refused(code, "", Category.OTHER, message)
    match known.reaction:
        case Reaction.THROTTLE:
            return errors.Throttled(code, message)
        case Reaction.AUTH:
            return errors.Unauthorised(code, message)
        case _:
            return errors.Refused(code, "", known.category, message)


def _without_item(status: int, code: str, message: str) -> Placement:
    if status >= _FAULTY or code not in CODES:
        return Unknown(f"HTTP {status}: {code} {message}".rstrip() + ", and no word about the order", code)
    return _rejected(code, "", message)


def _rejected(code: str, sub_code: str, message: str, tag: str = "") -> Placement:
    known = CODES.get(code)
    if known is None:
        return Refused(code, sub_code, Category.OTHER, message, tag)
    match known.reaction:
        case Reaction.AMBIGUOUS:
            evidence = "duplicate" if known.category is Category.DUPLICATE else known.meaning
            return Unknown(f"{evidence}: {message}", code)
        case Reaction.THROTTLE:
            return NotPlaced(Postponement.THROTTLED, code)
        case Reaction.EXPIRED:
            return NotPlaced(Postponement.EXPIRED, code)
        case Reaction.AUTH:
            return NotPlaced(Postponement.UNAUTHORISED, code)
        case _:
            return Refused(code, sub_code, known.category, message, tag)


def _decoded(decoder: msgspec.json.Decoder[models.Reply[T]], response: Response) -> models.Reply[T]:
    try:
        return decoder.decode(response.body)
    except msgspec.MsgspecError as error:
        raise errors.Unreadable(f"HTTP {response.status}: unreadable answer: {error}") from None

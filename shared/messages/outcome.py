"""Entries of the stream `outcomes`.

What became of each intent, one JSON object each, readable by ordinary consumer groups.
"""

from enum import StrEnum

import msgspec


class OutcomeKind(StrEnum):
    """The states an attempt passes through."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    ABSENT = "absent"
    """An Unknown that was asked for and proven not to exist; the duty is decided afresh."""
    SETTLED = "settled"
    DRIFTED = "drifted"
    """No attempt: the account, the book and the leader were found to disagree."""


ACCEPTED, SETTLED = OutcomeKind.ACCEPTED, OutcomeKind.SETTLED
"""For the way of an order; see `ids.Leg`."""


class HopTimes(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """When a copy passed each station, venue milliseconds; 0 where it did not."""

    filled_ms: int = 0
    seen_ms: int = 0
    published_ms: int = 0
    read_ms: int = 0
    sent_ms: int = 0
    answered_ms: int = 0
    settled_ms: int = 0


class OutcomeV1(msgspec.Struct, frozen=True, gc=False, tag_field="schema", tag="outcome/1", omit_defaults=True):
    """One step in an attempt's life; the newest step of a `cl_ord_id` is the row the ledger keeps."""

    cl_ord_id: str
    kind: OutcomeKind
    at_ms: int
    follower: str
    leader: str
    inst_id: str
    event: str
    """The last event covered; the order decides it and every earlier undecided one."""
    leg: str = ""
    tries: int = 0
    covers: int = 1
    version: int = 0
    """The subscription's version in force."""
    side: str = ""
    size: str = ""
    order_type: str = ""
    price: str = ""
    numbers: dict[str, str] = {}
    target: str = ""
    held: str = ""
    hops: HopTimes = HopTimes()
    order_id: str = ""
    code: str = ""
    sub_code: str = ""
    category: str = ""
    message: str = ""
    reason: str = ""
    remedy: str = ""
    filled: str = ""
    average: str = ""
    fee: str = ""
    fee_currency: str = ""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(OutcomeV1)


def encode(outcome: OutcomeV1) -> bytes:
    """Spell an outcome as JSON."""
    return _encoder.encode(outcome)


def decode(payload: bytes | str) -> OutcomeV1:
    """Read an outcome.

    Raises:
        msgspec.MsgspecError: not JSON, another schema, or a field of the wrong kind.
    """
    return _decoder.decode(payload)

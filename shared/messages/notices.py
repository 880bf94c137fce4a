"""Notices sent by pub/sub: a hint to look again, never the only way to learn something."""

from enum import StrEnum

import msgspec


class GrantChange(StrEnum):
    """What happened to a grant."""

    REFRESHED = "refreshed"
    DEAD = "dead"
    CONSENTED = "consented"
    """The owner consented anew: what was proven with the grant before is to be proven again."""
    ACCOUNT = "account"
    """Not the grant but its account changed: its level or its position mode."""
    REJECTED = "rejected"
    """The venue does not accept this version's token any more: whoever renews grants does so now."""


class GrantNotice(msgspec.Struct, frozen=True, tag_field="schema", tag="grant_notice/1"):
    """A grant changed; whoever caches it reads it again."""

    account: str
    version: int
    change: GrantChange


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(GrantNotice)


def encode(notice: GrantNotice) -> bytes:
    """Spell a notice as JSON."""
    return _encoder.encode(notice)


def decode(payload: bytes | str) -> GrantNotice:
    """Read a notice.

    Raises:
        msgspec.MsgspecError: not JSON or not a grant notice.
    """
    return _decoder.decode(payload)

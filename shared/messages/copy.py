"""A copy of what Redis keeps for the protocol, as it is put aside in the database and given back to an empty server.

A copy is consistent: every entry of the stream above a copied lane's offset is in it, and what it says of leaders is as
of its last entry. So a server that was given a copy is one that came back older, and nothing else.
"""

from dataclasses import dataclass, field

import msgspec

Fields = dict[bytes, bytes]


@dataclass(slots=True)
class Copy:
    """Keys without their installation's tag. Of lanes only those that changed since the copy before."""

    at_ms: int
    """When it was begun, by the server's clock: of two copies of a key the later one counts."""
    hashes: dict[str, Fields] = field(default_factory=dict)
    published: dict[str, dict[bytes, float]] = field(default_factory=dict)
    """Ids published lately, by leader."""
    entries: list[tuple[bytes, bytes]] = field(default_factory=list)
    """The stream from above the lowest copied offset: id and payload."""


_encoder = msgspec.msgpack.Encoder()
_fields = msgspec.msgpack.Decoder(Fields)
_scores = msgspec.msgpack.Decoder(dict[bytes, float])
_entries = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]])

_HASH, _IDS, _STREAM = "hash:", "ids:", "stream"


def write_rows(copy: Copy) -> dict[str, bytes]:
    """Spell a copy as named rows."""
    rows = {_HASH + name: _encoder.encode(fields) for name, fields in copy.hashes.items()}
    rows |= {_IDS + leader: _encoder.encode(scores) for leader, scores in copy.published.items()}
    return {**rows, _STREAM: _encoder.encode(copy.entries)}


def read_rows(rows: dict[str, bytes], at_ms: int) -> Copy:
    """Read rows back.

    Raises:
        msgspec.MsgspecError: a row is damaged.
    """
    copy = Copy(at_ms)
    for name, data in rows.items():
        if name.startswith(_HASH):
            copy.hashes[name.removeprefix(_HASH)] = _fields.decode(data)
        elif name.startswith(_IDS):
            copy.published[name.removeprefix(_IDS)] = _scores.decode(data)
        elif name == _STREAM:
            copy.entries = _entries.decode(data)
    return copy

"""Requests as read and answers as written; HTTP/1.1 only, the one version the venue's clients need."""

from dataclasses import dataclass, field
from http.client import responses
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from services.okx_simulator.wire.refusals import GATEWAY_CODES, Refused

JSON: Final = "application/json"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_heads: dict[tuple[int, str], bytes] = {}


@dataclass(slots=True)
class Request:
    """One request, headers in lower case; `body` is empty until it was read."""

    method: str
    target: str
    headers: dict[str, str]
    peer: str
    received_us: int
    body: bytes = b""
    keep_alive: bool = True
    path: str = field(init=False)
    query_text: str = field(init=False)
    _json: Any = field(init=False, default=msgspec.UNSET, repr=False)

    def __post_init__(self) -> None:
        self.path, _, self.query_text = self.target.partition("?")

    def json(self) -> Any:  # noqa: ANN401 - whatever JSON can hold
        """Return the body decoded, once for all who ask.

        Raises:
            ValueError: it is not JSON.
        """
        if self._json is msgspec.UNSET:
            try:
                self._json = _decode(self.body)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ValueError(f"body is not JSON: {error}") from error
        return self._json

    def form(self) -> dict[str, str]:
        """Return the members of an URL-encoded body."""
        return dict(parse_qsl(self.body.decode("latin-1"), keep_blank_values=True))

    def query(self) -> dict[str, str]:
        """Return the parameters of the query string; an empty one counts as left out, as at OKX."""
        return dict(parse_qsl(self.query_text)) if self.query_text else {}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `code` is what the statistics count it under."""

    body: bytes
    status: int = 200
    content_type: str = JSON
    code: str = "0"
    location: str = ""
    """Where a browser is sent."""

    def to_bytes(self, *, keep_alive: bool) -> bytes:
        """Spell the whole answer; the fixed part of a head is made once per status and type."""
        key = (self.status, self.content_type)
        head = _heads.get(key)
        if head is None:
            phrase = responses.get(self.status, "Unnamed")
            head = f"HTTP/1.1 {self.status} {phrase}\r\nContent-Type: {self.content_type}\r\nContent-Length: ".encode()
            _heads[key] = head
        ending = b"\r\n\r\n" if keep_alive else b"\r\nConnection: close\r\n\r\n"
        if self.location:
            ending = f"\r\nLocation: {self.location}".encode() + ending
        return b"".join((head, str(len(self.body)).encode(), ending, self.body))


def json_answer(value: Any, status: int = 200, code: str = "0") -> Answer:  # noqa: ANN401 - whatever JSON can hold
    """Spell a value as it is, without an envelope."""
    return Answer(_encode(value), status, JSON, code)


def envelope(rows: list[Any], code: str = "0", msg: str = "") -> Answer:
    """Wrap rows as every OKX endpoint does."""
    return Answer(_encode({"code": code, "msg": msg, "data": rows}), 200, JSON, code)


def refusal(refused: Refused) -> Answer:
    """Spell a refusal of the whole request; one from the gateway has no `data`."""
    body: dict[str, object] = {"msg": refused.text, "code": refused.code}
    if refused.code not in GATEWAY_CODES:
        body["data"] = []
    return Answer(_encode(body), refused.status, JSON, refused.code)

"""One HTTP/1.1 connection of the wire: a request goes out, its answer comes in, and nothing else is tolerated.

    IDLE ──exchange──▶ WAITING ──whole, clean answer──▶ IDLE
      │                   │
      └── any byte, end, ─┴──▶ CLOSED, for good
          error, time-out

While it waits, the one thing that makes an answer is a whole message followed by silence in the same read. A truncated,
oversized or malformed one, one with bytes behind it, or an end before it, fails the exchange as `Unanswered` and closes
the connection: whatever came later could belong to anything.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol, cast

import httptools

from shared.okx.errors import Unanswered
from shared.okx.protocol import Response

_FINAL = HTTPStatus.OK.value
"""Below it an answer is an interim one. A plain number: compared for every answer."""
MOST_BYTES = 1 << 20
"""Of one answer, head and body; the answers to an order take less than a thousandth."""


Heard = Callable[[Response | Unanswered], None]
"""Is told, once, what came of a request that was written. Must not raise."""


class Owner(Protocol):
    """Whom a connection serves."""

    def rested(self, connection: "Connection") -> None:
        """Hear that an exchange ended well: the connection may be used again."""

    def ended(self, connection: "Connection") -> None:
        """Hear, once, that the connection is of no more use."""


class Connection(asyncio.Protocol):
    """A protocol that answers one request at a time; built by the wire, which owns its transport."""

    def __init__(self, opened_s: float, owner: Owner) -> None:
        """Take the present time, and whom it serves."""
        self._owner = owner
        self.opened_s = opened_s
        self.idle_since_s = opened_s
        self.deadline_s = 0.0
        """When the exchange in flight is given up."""
        self._transport: asyncio.Transport | None = None
        self._write: Callable[[bytes], None] = _not_open
        self._heard: Heard | None = None
        """Who is told of the answer to what is in flight."""
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._bytes = 0
        self._whole = False
        self._last = False
        self._surplus = False
        self._unread = False
        self._closed = False

    @property
    def usable(self) -> bool:
        """Tell whether a request may be written: open, with nothing in flight and an empty send buffer."""
        busy = self._heard or self._closed or self._unread
        # A transport that has met an error knows before we are told: what is written to it now would be lost in doubt.
        return not busy and self._transport is not None and not self._transport.is_closing()

    def exchange(self, request: bytes, heard: Heard, deadline_s: float) -> None:
        """Write a request; `heard` is called once, with its whole answer or `Unanswered`. Only if usable."""
        self._heard = heard
        self.deadline_s = deadline_s
        self._bytes = 0
        self._whole = False
        self._body.clear()
        self._write(request)

    def give_up(self, why: str) -> None:
        """Close at once, open or not yet; an exchange in flight ends as `Unanswered`. Idempotent."""
        heard, self._heard = self._heard, None
        if self._transport:
            self._transport.abort()
        if not self._closed:
            self._closed = True
            self._owner.ended(self)
        if heard:
            heard(Unanswered(why))

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._write = self._transport.write

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end; an exchange in flight has no answer."""
        self.give_up(f"the connection ended before a whole answer came: {exc or 'closed by the other side'}")

    def eof_received(self) -> bool:
        """Close our half too: without it no answer can come."""
        return False

    def pause_writing(self) -> None:
        """Note that the other side does not read what we sent."""
        self._unread = True

    def resume_writing(self) -> None:
        """Note that it does again."""
        self._unread = False

    def data_received(self, data: bytes) -> None:
        """Feed the parser and judge: an answer, more to come, or junk."""
        if self._heard is None:
            return self.give_up("bytes came that nobody asked for")
        self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            return self.give_up(f"the answer exceeds {MOST_BYTES} bytes")
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            return self.give_up(f"the answer is not HTTP: {error!r}")
        if self._surplus:
            return self.give_up("bytes follow the answer")
        if self._whole:
            self._deliver(self._heard)
        return None

    # What httptools calls.

    def on_message_begin(self) -> None:
        """Notice a second message behind the answer."""
        self._surplus = self._whole

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Note that the answer is whole; only now does the parser know whether the connection stays."""
        self._whole = True
        self._last = not self._parser.should_keep_alive()

    def _deliver(self, heard: Heard) -> None:
        """Rest before the answer is told: whoever hears it may have the next request."""
        status = self._parser.get_status_code()
        if status < _FINAL:
            return self.give_up(f"an interim answer (HTTP {status}) came that nobody asked for")
        self._heard = None
        if self._last:
            self.give_up("the other side closes after this answer")
        else:
            self._owner.rested(self)
        heard(Response(status, self._body[0] if len(self._body) == 1 else b"".join(self._body)))
        return None


def _not_open(_request: bytes) -> None:
    raise RuntimeError("a request was to be written before the connection was open; expected only usable ones")

"""One HTTP/1.1 connection: requests one after another, each answered or made to suffer what its plan says."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable, Collection
from functools import partial
from typing import Final, Protocol, cast

import httptools

from services.okx_simulator.calls import NO_PLAN
from services.okx_simulator.evidence import OrderRow
from services.okx_simulator.faults import Fault, Plan
from services.okx_simulator.gateway import Gateway
from services.okx_simulator.wire.http import Answer, Request, refusal
from services.okx_simulator.wire.refusals import Refused

_MOST_QUEUED: Final = 64
_LINGER_NONE: Final = struct.pack("ii", 1, 0)
_TOO_LARGE: Final = 413
_UNREADABLE: Final = 400


class Doorway(Protocol):
    """Takes a connection over when a client asks for a WebSocket."""

    def __call__(self, request: Request, transport: asyncio.Transport, rest: bytes) -> None:
        """Go on with the transport; `rest` came after the request."""


class HttpConnection(asyncio.Protocol):
    """Parses with httptools, answers through the gateway; nothing a client sends can end more than its connection."""

    def __init__(
        self,
        gateway: Gateway,
        doorway: Doorway,
        open_connections: set["HttpConnection"],
        now_us: Callable[[], int],
        max_body_bytes: int,
    ) -> None:
        self._gateway = gateway
        self._doorway = doorway
        self._open = open_connections
        self._now_us = now_us
        self._max_body_bytes = max_body_bytes
        self._transport: asyncio.Transport | None = None
        self._queue: deque[Request] = deque()
        self._busy = False
        self._held = False
        self._writable = True
        self._draining = False
        self._peer = ""
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._request: Request | None = None
        self._upgrading: Request | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has the methods, not the base class
        self._peer = str(transport.get_extra_info("peername", ("",))[0])
        self._parser = httptools.HttpRequestParser(self)
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it was lost changes nothing
        """End; requests read but not processed yet stay so, except those a planned latency holds."""
        self._transport = None
        self._queue.clear()
        self._open.discard(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes in."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse_and_close(_UNREADABLE, "request is not HTTP/1.1; expected a request line, headers, body")

    def pause_writing(self) -> None:
        """Stop answering a client that does not read."""
        self._writable = False

    def resume_writing(self) -> None:
        """Go on answering."""
        self._writable = True
        self._serve()

    # httptools callbacks

    def on_message_begin(self) -> None:
        """Start a request."""
        self._start_message()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Look at the head: a fault may strike here, before the body."""
        method = self._parser.get_method().decode()
        target = self._target.decode("latin-1")
        self._request = Request(method, target, self._headers, self._peer, self._now_us())
        if self._gateway.strikes_head(self._request):
            self.abort()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, as long as it is not too large."""
        self._size += len(body)
        if self._size > self._max_body_bytes:
            self._refuse_and_close(_TOO_LARGE, f"body exceeds {self._max_body_bytes} bytes; expected a smaller one")
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Queue the whole request and serve what can be served."""
        if self._transport is None or self._request is None:
            return
        request, self._request = self._request, None
        request.body = b"".join(self._body)
        request.keep_alive = self._parser.should_keep_alive()
        if self._parser.should_upgrade() and request.path.startswith("/ws/"):
            self._upgrading = request
            return
        self._queue.append(request)
        if len(self._queue) >= _MOST_QUEUED:
            self._transport.pause_reading()
        self._serve()

    # answering

    def drain(self) -> bool:
        """Close as soon as the answer in hand is out; tell whether there is one."""
        self._draining = True
        if not self._busy and self._transport is not None:
            self._transport.close()
        return self._busy and not self._held

    def abort(self) -> None:
        """Reset the connection so that the client sees ECONNRESET, not an orderly end."""
        if self._transport is None:
            return
        raw = self._transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
        self._transport.abort()
        self._transport = None

    def _start_message(self) -> None:
        self._target, self._headers = b"", {}
        self._body, self._size = [], 0
        self._request = self._upgrading = None

    def _upgrade(self, rest: bytes) -> None:
        request, transport = self._upgrading, self._transport
        if transport is None:
            return
        if request is None:  # an upgrade to something else, which a server may ignore
            self._parser = httptools.HttpRequestParser(self)
            if rest:
                self.data_received(rest)
            return
        self._open.discard(self)
        self._transport = None
        self._doorway(request, transport, rest)

    def _serve(self) -> None:
        while self._queue and not self._busy and self._writable and self._transport is not None:
            if len(self._queue) == _MOST_QUEUED:
                self._transport.resume_reading()
            request = self._queue.popleft()
            plan = self._gateway.plan(request)
            if plan is NO_PLAN:
                answer, rows = self._gateway.answer(request)
                self._send(request, answer, rows)
            else:
                self._busy = True
                self._after(plan.latency_s, partial(self._process, request, plan))

    def _process(self, request: Request, plan: Plan) -> None:
        if plan.before is not None:
            rows = self._gateway.turn_away(request, plan.before)
            if plan.before.kind == "reset_after_read":
                self.abort()
            else:
                self._finish(request, _instead(plan.before), rows)
            return
        answer, rows = self._gateway.answer(request, plan)
        self._after(plan.answer_latency_s, lambda: self._deliver(request, answer, rows, plan.after))

    def _deliver(self, request: Request, answer: Answer, rows: list[OrderRow], fault: Fault | None) -> None:
        """Send a processed request's answer, or do to it what the fault says."""
        if fault is None:
            self._finish(request, answer, rows)
        elif fault.kind == "status":
            self._finish(request, _instead(fault), [])
        elif fault.kind == "reset_after_accept":
            self.abort()
        elif fault.kind == "trickle":
            self._trickle(request, answer.to_bytes(keep_alive=request.keep_alive), rows, fault.number("ms", 10) / 1_000)
        else:  # answer_lost: silent until the client gives up
            self._held = True

    def _trickle(self, request: Request, left: bytes, rows: list[OrderRow], pause_s: float) -> None:
        if self._transport is None:
            return
        self._transport.write(left[:1])
        if len(left) > 1:
            self._after(pause_s, lambda: self._trickle(request, left[1:], rows, pause_s))
        else:
            self._sent(request, rows)
            self._busy = False
            self._serve()

    def _finish(self, request: Request, answer: Answer, rows: list[OrderRow]) -> None:
        self._busy = False
        self._send(request, answer, rows)
        self._serve()

    def _send(self, request: Request, answer: Answer, rows: Collection[OrderRow]) -> None:
        if self._transport is not None:
            self._transport.write(answer.to_bytes(keep_alive=request.keep_alive and not self._draining))
            self._sent(request, rows)

    def _sent(self, request: Request, rows: Collection[OrderRow]) -> None:
        for row in rows:
            row.answered = True
        if self._transport is not None and (self._draining or not request.keep_alive):
            self._transport.close()

    def _refuse_and_close(self, status: int, text: str) -> None:
        if self._transport is not None:
            answer = refusal(Refused("51000", text, status=status))
            self._transport.write(answer.to_bytes(keep_alive=False))
            self._transport.close()
            self._transport = None

    @staticmethod
    def _after(seconds: float, act: Callable[[], None]) -> None:
        if seconds > 0:
            asyncio.get_running_loop().call_later(seconds, act)
        else:
            act()


def _instead(fault: Fault) -> Answer:
    """Return the answer a fault gives in place of the venue's."""
    if fault.kind == "throttle":
        return refusal(Refused("50011"))
    status = int(fault.number("status", 502))
    body = str(fault.params.get("body", f"<html><head><title>{status}</title></head><body>{status}</body></html>"))
    return Answer(body.encode(), status, str(fault.params.get("content_type", "text/html")), str(status))

"""A proxy between workers and the venue that makes a good build behave like a bad one.

It understands just enough HTTP/1.1 for what passes here: requests and answers with a Content-Length, one after another
on a connection. Each tampering strikes one order of a worthwhile size that opens something, and nothing else.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from deploy.demo.venue import ORDER_PATH

_WORTHWHILE = 0.2
"""Contracts: enough lots that half an order, or twice one, is wrong by more than one."""


@dataclass(frozen=True)
class Message:
    """A request or an answer; `start` is its first line."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def target(self) -> str:
        return self.start.split(" ")[1]

    @property
    def told(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.body)
        return content

    def with_body(self, content: dict[str, Any]) -> "Message":
        return replace(self, body=json.dumps(content).encode())

    def encoded(self) -> bytes:
        kept = [(name, value) for name, value in self.headers if name.lower() != "content-length"]
        lines = [self.start, *(f"{name}: {value}" for name, value in kept), f"Content-Length: {len(self.body)}"]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


Send = Callable[[Message], Awaitable[Message]]


class Honest:
    """Passes everything on as it is; the base of what does not."""

    def __init__(self) -> None:
        self.struck: dict[str, Any] | None = None
        """The order tampered with, as it was sent."""

    async def handle(self, request: Message, send: Send) -> Message:
        if self.struck is None and _opens_something_worthwhile(request):
            self.struck = request.told
            return await self.strike(request, send)
        return await send(request)

    async def strike(self, request: Message, send: Send) -> Message:
        return await send(request)


class SendsTwice(Honest):
    """Sends the order again as soon as the first answer is there."""

    async def strike(self, request: Message, send: Send) -> Message:
        answer = await send(request)
        await send(request)
        return answer


class HalvesSize(Honest):
    """Asks for half of what was meant, on the lot."""

    async def strike(self, request: Message, send: Send) -> Message:
        half = float(request.told["sz"]) / 2
        return await send(request.with_body({**request.told, "sz": f"{half:.2f}"}))


class ForgetsTag(Honest):
    """Leaves the tag out."""

    async def strike(self, request: Message, send: Send) -> Message:
        return await send(request.with_body({name: value for name, value in request.told.items() if name != "tag"}))


class DropsOrder(Honest):
    """Says the order was accepted, and later that it filled, and tells the venue nothing."""

    async def handle(self, request: Message, send: Send) -> Message:
        asked = parse_qs(urlsplit(request.target).query).get("clOrdId", [""])[0]
        if self.struck and asked == self.struck["clOrdId"] and request.start.startswith("GET "):
            return _answer(_filled(self.struck))
        return await super().handle(request, send)

    async def strike(self, request: Message, send: Send) -> Message:  # noqa: ARG002 - that nothing is sent is the point
        told = request.told
        accepted = {"ordId": "1", "clOrdId": told["clOrdId"], "tag": told["tag"], "ts": "1700000000000"}
        return _answer({**accepted, "sCode": "0", "sMsg": ""})


@asynccontextmanager
async def tampering(venue_url: str, how: Honest) -> AsyncIterator[str]:
    """Put the proxy before a venue and yield its address."""
    venue = urlsplit(venue_url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(venue.hostname, venue.port)

        async def send(request: Message) -> Message:
            upstream_writer.write(request.encoded())
            return await _read(upstream_reader)

        try:
            while True:
                writer.write((await how.handle(await _read(reader), send)).encoded())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # either side is done with the connection; then so is the other
        finally:
            upstream_writer.close()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def _opens_something_worthwhile(request: Message) -> bool:
    if not request.start.startswith(f"POST {ORDER_PATH} "):
        return False
    return not request.told.get("reduceOnly") and float(request.told["sz"]) >= _WORTHWHILE


async def _read(reader: asyncio.StreamReader) -> Message:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    start, *lines = head.strip().split("\r\n")
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
    return Message(start, headers, await reader.readexactly(length))


def _answer(item: dict[str, Any]) -> Message:
    body = json.dumps({"code": "0", "msg": "", "data": [item], "inTime": "1", "outTime": "2"}).encode()
    return Message("HTTP/1.1 200 OK", (("Content-Type", "application/json"),), body)


def _filled(order: dict[str, Any]) -> dict[str, Any]:
    """Spell an order as the venue shows one that filled whole (GET trade/order)."""
    return {
        "instType": "SWAP",
        "instId": order["instId"],
        "ordId": "1",
        "clOrdId": order["clOrdId"],
        "tag": order["tag"],
        "px": "",
        "sz": order["sz"],
        "ordType": order["ordType"],
        "side": order["side"],
        "posSide": "net",
        "tdMode": order["tdMode"],
        "accFillSz": order["sz"],
        "avgPx": "100",
        "fillPx": "100",
        "fillSz": order["sz"],
        "state": "filled",
        "fee": "0",
        "feeCcy": "USDT",
        "uTime": "1700000000001",
        "cTime": "1700000000000",
    }

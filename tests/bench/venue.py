"""The stub venue: takes every order, remembers when, and shows it filled; fast enough to be in nobody's way.

A process of its own. Orders and questions for them are answered here, in one callback each; everything else goes on to
the paper OKX behind. `/bench/...` is the benchmark's own door. Answers are stamped with `CLOCK_MONOTONIC`, which all
processes of a machine share.
"""

import argparse
import asyncio
import json
import os
import re
import ssl
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import uvloop

_PLACE = (b"POST /api/v5/trade/order ", b"POST /api/v5/trade/batch-orders ")
"""ccxt sends single orders as batches of one."""
_SHOW = b"GET /api/v5/trade/order?"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_EXPIRES = re.compile(rb"\r\nexptime: *(\d+)", re.IGNORECASE)
_NAME = re.compile(rb'"clOrdId": *"([^"]*)"')
_NAMED = re.compile(rb"clOrdId=([0-9A-Za-z]+)")
_HEAD = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
_TAKEN = b'{"code":"0","data":[{"clOrdId":"%b","ordId":"%d","sCode":"0","sMsg":"","subCode":"","tag":"","ts":"%d"}],'
_TIMES = b'"inTime":"%d","msg":"","outTime":"%d"}'
_LATE = b'{"code":"50036","data":[],"msg":"the expTime has passed"}'
_LOOK_S, _WAIT_S = 0.002, 5.0
_TIMER_S = 0.001
"""How much too early uvloop's timers may be: an answer never comes sooner than it was told to."""
_PASSED_ON = ("authorization", "content-type", "ok-access-")


class Book:
    """What came in since the last reset."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.orders: dict[bytes, bytes] = {}
        """Bodies by name."""
        self.answers: list[int] = []
        """When each order was answered."""
        self.placed = 0
        self.expired = 0
        self.shown = 0

    def clear(self, delay_ms: float) -> None:
        """Forget what came, and answer this late from now on."""
        self.delay_s = delay_ms / 1_000 + _TIMER_S if delay_ms else 0.0
        self.orders, self.answers, self.placed, self.expired, self.shown = {}, [], 0, 0, 0

    @property
    def state(self) -> dict[str, int]:
        """Say what came; `doubled` counts orders whose name had come before."""
        doubled = self.placed - len(self.orders)
        return {"placed": len(self.answers), "doubled": doubled, "expired": self.expired, "shown": self.shown}

    async def reached(self, what: str, count: int) -> None:
        """Wait until so many came, some seconds at the most: who asks over and over from outside is in ours' way."""
        until = time.monotonic() + _WAIT_S
        while self.state[what] < count and time.monotonic() < until:
            await asyncio.sleep(_LOOK_S)


class Door(asyncio.Protocol):
    """One connection; one request at a time, as every client of the venue sends them."""

    def __init__(self, book: Book, behind: httpx.AsyncClient) -> None:
        self._book, self._behind, self._rest = book, behind, b""
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Serve what is whole."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        end = data.find(b"\r\n\r\n")
        length = _LENGTH.search(data, 0, end + 2) if end >= 0 else None
        if end < 0 or len(data) < end + 4 + (int(length[1]) if length else 0):
            self._rest = data
        elif data.startswith(_PLACE):
            self._place(data, end)
        elif data.startswith(_SHOW):
            self._show(data)
        else:
            task = self._loop.create_task(self._pass_on(data[:end].decode(), data[end + 4 :]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _place(self, data: bytes, end: int) -> None:
        book, now_ms = self._book, time.time_ns() // 1_000_000
        expires = _EXPIRES.search(data, 0, end + 2)
        if expires and int(expires[1]) < now_ms:
            book.expired += 1
            self._answer(_LATE)
            return
        named = _NAME.search(data, end)
        book.placed += 1
        name = named[1] if named else b"%d" % book.placed
        book.orders[name] = data[end + 4 :]
        answer = _TAKEN % (name, 1_000_000 + book.placed, now_ms) + _TIMES % (now_ms, now_ms)
        if book.delay_s:
            self._loop.call_later(book.delay_s, self._take, answer)
        else:
            self._take(answer)

    def _show(self, data: bytes) -> None:
        named = _NAMED.search(data, 0, 300)
        body = self._book.orders.get(named[1]) if named else None
        if body is None:
            self._answer(b'{"code":"51603","data":[],"msg":"order does not exist"}')
            return
        self._book.shown += 1
        answer = json.dumps({"code": "0", "data": [_filled(_alone(json.loads(body)))], "msg": ""}).encode()
        if self._book.delay_s:
            self._loop.call_later(self._book.delay_s, self._answer, answer)
        else:
            self._answer(answer)

    def _take(self, answer: bytes) -> None:
        self._answer(answer)
        self._book.answers.append(time.monotonic_ns())

    def _answer(self, body: bytes, status: bytes = b"200 OK") -> None:
        if not self._transport.is_closing():
            self._transport.write(_HEAD % (status, len(body), body))

    async def _pass_on(self, head: str, body: bytes) -> None:
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ")
        if target.startswith("/bench/"):
            self._answer(await self._control(urlsplit(target).path, parse_qs(urlsplit(target).query)))
            return
        headers = dict(line.split(": ", 1) for line in lines if line.lower().startswith(_PASSED_ON))
        try:
            told = await self._behind.request(method, target, headers=headers, content=body)
        except httpx.HTTPError as error:
            self._answer(json.dumps({"code": "50001", "data": [], "msg": repr(error)}).encode(), b"503 Unavailable")
            return
        self._answer(told.content, b"%d %b" % (told.status_code, told.reason_phrase.encode()))

    async def _control(self, path: str, query: dict[str, list[str]]) -> bytes:
        book = self._book
        if path == "/bench/clear":
            book.clear(float(query["delay_ms"][0]))
        elif path == "/bench/reached":
            await book.reached(query["what"][0], int(query["count"][0]))
        answers = {"answers": book.answers} if path == "/bench/answers" else {}
        return json.dumps({**book.state, **answers}).encode()


def _alone(told: dict[str, str] | list[dict[str, str]]) -> dict[str, str]:
    return told if isinstance(told, dict) else told[0]


def _filled(order: dict[str, str]) -> dict[str, str]:
    """Show an order as `GET trade/order` does, filled whole at one price."""
    now_ms = str(time.time_ns() // 1_000_000)
    size = order["sz"]
    return {
        "instType": "SWAP", "instId": order["instId"], "ordId": order["clOrdId"][:18], "clOrdId": order["clOrdId"],
        "tag": order.get("tag", ""), "px": "", "sz": size, "ordType": order["ordType"], "side": order["side"],
        "posSide": "net", "tdMode": order["tdMode"], "accFillSz": size, "fillPx": "60000", "tradeId": "1",
        "fillSz": size, "fillTime": now_ms, "avgPx": "60000", "state": "filled", "lever": "5", "fee": "-0.01",
        "feeCcy": "USDT", "rebate": "0", "rebateCcy": "USDT", "pnl": "0", "category": "normal",
        "reduceOnly": str(order.get("reduceOnly", False)).lower(), "uTime": now_ms, "cTime": now_ms,
    }  # fmt: skip


async def serve(behind: str, certificate: Path | None, key: Path | None) -> None:
    """Listen on free ports, in the clear and (with a certificate) over TLS, and say which; until terminated."""
    loop, book = asyncio.get_running_loop(), Book()
    async with httpx.AsyncClient(base_url=behind, trust_env=False, timeout=10) as client:
        said = {}
        server = await loop.create_server(lambda: Door(book, client), "127.0.0.1", 0, backlog=4096)
        said["plain"] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        if certificate and key:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(certificate, key)
            server = await loop.create_server(lambda: Door(book, client), "127.0.0.1", 0, ssl=tls, backlog=4096)
            said["tls"] = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
        _stay_awake(loop)
        await asyncio.Event().wait()


def _stay_awake(loop: asyncio.AbstractEventLoop) -> None:
    """Never sleep: on one machine whoever writes to a sleeper pays for waking it, which no real venue makes anybody do.

    Of ours, a write cost three times as much as all its bytes; of clients that keep the stub busy by themselves, less.
    But give way to whoever waits for a processor: Redis is not to take turns with the worker because of the stub.
    """
    os.sched_yield()
    loop.call_soon(_stay_awake, loop)


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--behind", required=True, help="URL of the paper OKX that answers everything else")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    told = parser.parse_args()
    uvloop.run(serve(told.behind, told.certificate, told.key))


if __name__ == "__main__":
    main()

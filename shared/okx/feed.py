"""A leader's private socket, rejoined for ever.

    connect (three a second and address) ──▶ login ──▶ subscribe orders ──▶ FeedJoined ──▶ pushes ──▶ FeedLost
       ▲                                                                                                  │
       └────────────────────────────── a growing, jittered pause ◀────────────────────────────────────────┘

OKX replays nothing after a subscription, may repeat a push, may send one before the acknowledgement, and may show a
filled order without saying which trade filled it. So a fill is told only with its `tradeId`, and everything that may
hide one is told as a hint: history knows.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from random import random

import msgspec

from shared.domain.backoff import delay_ms
from shared.domain.ids import AccountId
from shared.domain.outcomes import Category
from shared.okx import codes, translation
from shared.okx.authority import Authority
from shared.okx.documented import undocumented
from shared.okx.errors import Unreadable
from shared.okx.frames import Channel, Frame, Op, OrderPush
from shared.okx.signing import login
from shared.okx.socket import ConnectGate, OkxSocket, SocketLimits, SocketLost, connected
from shared.okx.venue_clock import OkxVenueClock
from shared.ports import Clock, CouldNotAsk, FeedFill, FeedHint, FeedJoined, FeedLost, FeedSignal, GrantUnusable
from shared.telemetry.logs import OnceLog
from shared.vault.credentials import SigningKey

_ORDERS = Channel(channel="orders", instType="ANY")
_PUSH = msgspec.json.Decoder(OrderPush)

_FIRST_PAUSE_MS = 200
_MOST_PAUSE_MS = 15_000


class OkxFeed:
    """`ports.LeaderFeed`, over an API key; an OAuth token opens no socket."""

    def __init__(
        self,
        leader: AccountId,
        address: str,
        authority: Authority,
        venue: OkxVenueClock,
        clock: Clock,
        gate: ConnectGate,
        limits: SocketLimits,
        *,
        jitter: Callable[[], float] = random,
        on_strange: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        """Listen at `address`; `on_strange` counts what we have no word for, each kind is logged once."""
        self._leader = leader
        self._address = address
        self._authority = authority
        self._venue = venue
        self._clock = clock
        self._gate = gate
        self._limits = limits
        self._jitter = jitter
        self._strange = OnceLog("strange_push", on_strange)

    async def signals(self) -> AsyncIterator[FeedSignal]:
        """Yield what the socket says, for ever; see `ports.LeaderFeed.signals`.

        A consumer that falls behind slows the venue down, not this process's memory.
        """
        failures = 0
        while True:
            heard: OkxSocket | None = None
            try:
                async with connected(self._address, self._limits, self._gate) as socket:
                    heard = socket
                    async for signal in self._session(socket):
                        failures = 0
                        yield signal
                why, hopeless = "the session ended", False
            except (SocketLost, Unreadable, CouldNotAsk) as error:
                why, hopeless = str(error), isinstance(error, SocketLost) and error.grant
            except GrantUnusable as error:
                why, hopeless = str(error), True
            if hopeless:
                self._authority.forget(self._leader)
            yield FeedLost(f"grant unusable: {why}" if hopeless else why, heard.quiet_s if heard else 0.0)
            await self._pause(failures, hopeless=hopeless)
            failures += 1

    async def _pause(self, failures: int, *, hopeless: bool) -> None:
        jitter = Decimal(str(self._jitter()))
        first_ms = _MOST_PAUSE_MS if hopeless else _FIRST_PAUSE_MS
        await self._clock.sleep(delay_ms(failures, first_ms, _MOST_PAUSE_MS, jitter) / 1_000)

    async def _session(self, socket: OkxSocket) -> AsyncIterator[FeedSignal]:
        try:
            async with asyncio.timeout(self._limits.answer_s):
                await self._login(socket)
                early = await self._subscribe(socket)
        except TimeoutError:
            raise SocketLost(f"login and subscription took more than {self._limits.answer_s:g} s") from None
        yield FeedJoined()
        for frame in early:
            for signal in self._read(frame):
                yield signal
        while True:
            try:
                frame = await socket.frame()
            except Unreadable as error:
                self._strange.note("unreadable frame", why=str(error))
                yield FeedHint("a frame could not be read")
                continue
            for signal in self._read(frame):
                yield signal

    async def _login(self, socket: OkxSocket) -> None:
        credential = await self._authority.credential(self._leader)
        if not isinstance(credential, SigningKey):
            raise GrantUnusable("an OAuth token opens no private socket; expected an API key")
        await socket.ask(Op("login", [login(credential.key, self._venue.now_ms())]))
        frame = await socket.frame()
        self._check(frame)
        if (frame.event, frame.code) != ("login", codes.SUCCESS):
            raise SocketLost(f"got event {frame.event!r} instead of the answer to the login")

    async def _subscribe(self, socket: OkxSocket) -> list[Frame]:
        """Ask for every order's updates; return those that came before the acknowledgement."""
        await socket.ask(Op("subscribe", [_ORDERS], "orders"))
        early: list[Frame] = []
        while (frame := await socket.frame()).event != "subscribe":
            self._check(frame)
            early.append(frame)
        return early

    def _read(self, frame: Frame) -> Iterator[FeedSignal]:
        """Tell what a frame means; raises SocketLost if it means that the socket is of no more use."""
        if frame.event:
            return self._check(frame)
        if frame.arg is None or frame.arg.channel != _ORDERS.channel:
            return self._strange.note(f"channel {frame.arg.channel if frame.arg else 'none'}")
        for raw in frame.data:
            try:
                yield from self._pushed(_PUSH.decode(raw))
                self._look_for_news(raw)
            except (msgspec.MsgspecError, Unreadable) as error:
                self._strange.note("unreadable push", why=str(error))
                yield FeedHint(f"a push could not be read: {error}")

    def _pushed(self, push: OrderPush) -> Iterator[FeedSignal]:
        filled = translation.amount(push.fillSz, "fillSz") > 0
        if filled and push.tradeId:
            yield FeedFill(translation.pushed_fill(push, self._leader, self._venue.now_ms()))
        elif filled or (push.state == "filled" and not push.tradeId):
            yield FeedHint(f"order {push.ordId} is {push.state} and names no trade")

    def _check(self, frame: Frame) -> None:
        """Pass over an event that changes nothing; raise SocketLost for one that ends the session."""
        if frame.event in {"", "subscribe", "login", "channel-conn-count"}:
            return
        if frame.event not in {"error", "notice", "channel-conn-count-error"}:
            self._strange.note(f"event {frame.event}")
            return
        if frame.code in codes.CLOCK_IS_OFF:
            self._venue.resync()
        known = codes.CODES.get(frame.code)
        dead = known is not None and known.category is Category.GRANT_DEAD and frame.code not in codes.CLOCK_IS_OFF
        raise SocketLost(f"{frame.event}: {frame.code} {frame.msg}".rstrip(": "), grant=dead)

    def _look_for_news(self, raw: msgspec.Raw) -> None:
        for name in undocumented(msgspec.json.decode(raw), OrderPush):
            self._strange.note(f"field orders.{name}")

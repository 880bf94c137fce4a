"""A leader's feed against a venue that misbehaves in ways the paper OKX does not; real WebSockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from shared.clock import SystemClock
from shared.okx.authority import Authority
from shared.okx.feed import OkxFeed
from shared.okx.socket import ConnectGate, SocketLimits
from shared.okx.venue_clock import OkxVenueClock
from shared.ports import FeedFill, FeedHint, FeedJoined, FeedLost, FeedSignal
from tests.unit.shared.okx.scripted import LEADER, HeldCredentials, ScriptedWay, api_key, bearer, payload

FILL = payload("ws_orders_fill")
ACK = payload("ws_subscribed")
LIMITS = SocketLimits(connect_s=2, answer_s=0.8, ping_s=0.2, silence_s=0.8)

Script = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The venue's end of one session."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection

    async def say(self, message: object) -> None:
        await self.connection.send(message if isinstance(message, str) else json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        """Return the next op; signs of life are answered on the way."""
        while (text := await self.connection.recv()) == "ping":
            await self.connection.send("pong")
        return dict(json.loads(text))

    async def log_in(self) -> dict[str, Any]:
        op = await self.hear()
        await self.say(payload("ws_login"))
        return op

    async def accept(self) -> None:
        """Log in and acknowledge the subscription."""
        await self.log_in()
        assert (await self.hear())["args"] == [{"channel": "orders", "instType": "ANY"}]
        await self.say(ACK)

    async def stay(self) -> None:
        await self.hear()


class Heard:
    """What the feed has told, and what it could not use."""

    def __init__(self, signals: AsyncIterator[FeedSignal], strange: list[str], credentials: HeldCredentials) -> None:
        self._signals = signals
        self.strange = strange
        self.credentials = credentials

    async def next(self) -> FeedSignal:
        async with asyncio.timeout(5):
            return await anext(self._signals)

    async def kinds(self, number: int) -> list[str]:
        return [type(await self.next()).__name__ for _ in range(number)]


@asynccontextmanager
async def venue(
    script: Script, credentials: HeldCredentials | None = None, redirect: str | None = None
) -> AsyncIterator[Heard]:
    """Serve every session alike, and hand out what a feed makes of it."""

    async def session(connection: ServerConnection) -> None:
        try:
            await script(Peer(connection))
        except ConnectionClosed:
            return

    def answer(connection: ServerConnection, _request: Request) -> Response | None:
        if redirect is None:
            return None
        response = connection.respond(302, "")
        response.headers["Location"] = redirect
        return response

    held = credentials or HeldCredentials([api_key()], api_key())
    async with serve(session, "127.0.0.1", 0, ping_interval=None, process_request=answer, close_timeout=0.1) as server:
        clock, strange = SystemClock(), list[str]()
        port = next(iter(server.sockets)).getsockname()[1]
        venue_clock = OkxVenueClock(ScriptedWay(), clock)
        authority = Authority(held, venue_clock, clock)
        gate = ConnectGate(clock, 0.0)
        feed = OkxFeed(
            LEADER,
            f"ws://127.0.0.1:{port}/ws/v5/private",
            authority,
            venue_clock,
            clock,
            gate,
            LIMITS,
            jitter=lambda: 1.0,
            on_strange=strange.append,
        )
        signals = feed.signals()
        try:
            yield Heard(signals, strange, held)
        finally:
            await signals.aclose()  # type: ignore[attr-defined]  # an async generator, which the port need not be


async def test_the_login_is_signed_and_the_subscription_is_for_every_product() -> None:
    heard: list[dict[str, Any]] = []

    async def script(peer: Peer) -> None:
        heard.append(await peer.log_in())
        heard.append(await peer.hear())
        await peer.say(ACK)
        await peer.stay()

    async with venue(script) as feed:
        assert await feed.next() == FeedJoined()
    login, subscription = heard
    assert login["op"] == "login"
    assert sorted(login["args"][0]) == ["apiKey", "passphrase", "sign", "timestamp"]
    assert len(login["args"][0]["timestamp"]) == 10
    assert subscription == {"op": "subscribe", "args": [{"channel": "orders", "instType": "ANY"}], "id": "orders"}


async def test_a_push_before_the_acknowledgement_is_told_after_the_join() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.say(payload("ws_conn_count"))
        await peer.say(FILL)
        await peer.say(ACK)
        await peer.stay()

    async with venue(script) as feed:
        assert await feed.kinds(2) == ["FeedJoined", "FeedFill"]


async def test_what_cannot_be_used_is_counted_hinted_at_and_never_fatal() -> None:
    unknown_product = {**FILL, "data": [{**FILL["data"][0], "instType": "EVENTS"}]}
    broken = {**FILL, "data": [{**FILL["data"][0], "fillSz": 2}]}
    news = {**FILL, "data": [{**FILL["data"][0], "brandNew": "1"}]}

    async def script(peer: Peer) -> None:
        await peer.accept()
        for message in ("{not json", payload("ws_tickers"), {"event": "surprise"}, unknown_product, broken, news, "[]"):
            await peer.say(message)
        await peer.say(payload("ws_conn_count"))
        await peer.say(FILL)
        await peer.stay()

    async with venue(script) as feed:
        kinds = await feed.kinds(7)
        assert kinds == ["FeedJoined", "FeedHint", "FeedHint", "FeedHint", "FeedFill", "FeedHint", "FeedFill"]
        assert sorted(set(feed.strange)) == [
            "channel tickers",
            "event surprise",
            "field orders.brandNew",
            "unreadable frame",
            "unreadable push",
        ]


@pytest.mark.parametrize("name", ["ws_orders_filled_without_trade"])
async def test_a_filled_order_that_names_no_trade_is_a_hint(name: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.say(payload("ws_orders_live"))
        await peer.say(payload(name))
        await peer.stay()

    async with venue(script) as feed:
        signals = [await feed.next(), await feed.next()]
        assert signals[0] == FeedJoined()
        assert isinstance(signals[1], FeedHint)


async def test_several_orders_in_one_push_are_all_told() -> None:
    second = {**FILL["data"][0], "tradeId": "1518905599"}

    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.say({**FILL, "data": [FILL["data"][0], second]})
        await peer.stay()

    async with venue(script) as feed:
        told = [await feed.next() for _ in range(3)]
        assert [one.fill.trade_id for one in told if isinstance(one, FeedFill)] == ["1518905528", "1518905599"]


async def after_the_ack(peer: Peer) -> None:
    await peer.accept()
    await peer.say(payload("ws_conn_count_error"))
    await peer.stay()


async def notice(peer: Peer) -> None:
    await peer.accept()
    await peer.say(payload("ws_notice_64008"))
    await peer.stay()


async def no_answer_to_the_login(peer: Peer) -> None:
    await peer.hear()
    while True:
        await peer.say("pong")
        await asyncio.sleep(0.05)


async def no_acknowledgement(peer: Peer) -> None:
    await peer.log_in()
    while True:
        await peer.say(FILL)
        await asyncio.sleep(0.05)


async def refused_subscription(peer: Peer) -> None:
    await peer.log_in()
    await peer.say({"event": "error", "code": "60012", "msg": "Invalid request", "connId": "a"})
    await peer.stay()


async def dead_silence(peer: Peer) -> None:
    await peer.accept()
    await peer.connection.wait_closed()


async def closed_for_idling(peer: Peer) -> None:
    await peer.accept()
    await peer.connection.close(4004, "")


async def cut(peer: Peer) -> None:
    await peer.accept()
    peer.connection.transport.abort()


async def nonsense_instead_of_a_login(peer: Peer) -> None:
    await peer.hear()
    await peer.say("<html>")
    await peer.stay()


@pytest.mark.parametrize(
    ("script", "joined", "why"),
    [
        (after_the_ack, True, "channel-conn-count-error"),
        (notice, True, "notice: 64008"),
        (no_answer_to_the_login, False, "login and subscription took more than 0.8 s"),
        (no_acknowledgement, False, "login and subscription took more than 0.8 s"),
        (refused_subscription, False, "error: 60012 Invalid request"),
        (dead_silence, True, "silent for 0.8 s"),
        (closed_for_idling, True, "closed by OKX: 4004 no data for 30 s"),
        (cut, True, "the connection ended"),
        (nonsense_instead_of_a_login, False, "unreadable frame"),
    ],
)
async def test_a_session_that_ends_says_why_and_is_begun_again(script: Script, why: str, *, joined: bool) -> None:
    async with venue(script) as feed:
        for _ in range(2):
            if joined:
                assert await feed.next() == FeedJoined()
            lost = await feed.next()
            assert isinstance(lost, FeedLost)
            assert lost.why.startswith(why)
        assert feed.credentials.forgotten == []


async def unknown_key(peer: Peer) -> None:
    await peer.hear()
    await peer.say(payload("ws_login_unknown_key"))
    await peer.connection.close(4001, "Login failed")


async def key_deleted(peer: Peer) -> None:
    await peer.accept()
    await peer.connection.close(4007, "")


@pytest.mark.parametrize(("script", "code"), [(unknown_key, "60032"), (key_deleted, "4007")])
async def test_a_key_at_fault_says_so_and_is_read_anew(script: Script, code: str) -> None:
    async with venue(script) as feed:
        signal = await feed.next()
        lost = await feed.next() if signal == FeedJoined() else signal
        assert isinstance(lost, FeedLost)
        assert lost.why.startswith("grant unusable: ")
        assert code in lost.why
        assert feed.credentials.forgotten == [LEADER]


async def test_an_oauth_token_opens_no_socket() -> None:
    async def script(peer: Peer) -> None:
        await peer.stay()

    credentials = HeldCredentials([bearer(1, LEADER)], bearer(1, LEADER))
    async with venue(script, credentials) as feed:
        assert await feed.next() == FeedLost(
            "grant unusable: an OAuth token opens no private socket; expected an API key"
        )


async def test_a_redirect_is_not_followed() -> None:
    async with venue(after_the_ack, redirect="ws://127.0.0.1:1/elsewhere") as feed:
        lost = await feed.next()
        assert isinstance(lost, FeedLost)
        assert "HTTP 302" in lost.why


async def test_a_loss_says_how_long_after_the_last_sign_of_life_it_was_noticed() -> None:
    async with venue(dead_silence) as feed:
        assert await feed.next() == FeedJoined()
        lost = await feed.next()
        assert isinstance(lost, FeedLost)
        # asyncio fires a timer up to one tick of its clock early, and the silence is two timers long.
        assert lost.after_s >= LIMITS.silence_s - 1e-6

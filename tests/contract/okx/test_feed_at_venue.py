"""A leader's socket, history and the market's, against the paper OKX over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
import pytest_asyncio

from shared.domain.ids import AccountId, InstId
from shared.domain.instruments import UNKNOWN_MARKET
from shared.okx.market import MarketPace, OkxMarket
from shared.ports import FeedFill, FeedHint, FeedJoined, FeedLost, FeedSignal
from shared.vault.credentials import ApiKey, SigningKey
from shared.vault.secret import Secret
from tests.contract.okx.stage import BTC, SOCKET, Stage, staged
from tests.support.simulator import start_simulator
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with start_simulator(ws_idle_s=2) as simulator, staged(simulator) as opened:
        yield opened


class Listener:
    """What a leader's feed has said so far."""

    def __init__(self) -> None:
        self.signals: list[FeedSignal] = []

    @property
    def joined(self) -> int:
        return sum(isinstance(signal, FeedJoined) for signal in self.signals)

    @property
    def trades(self) -> list[str]:
        return [signal.fill.trade_id for signal in self.signals if isinstance(signal, FeedFill)]

    @property
    def losses(self) -> list[str]:
        return [signal.why for signal in self.signals if isinstance(signal, FeedLost)]

    @property
    def hints(self) -> int:
        return sum(isinstance(signal, FeedHint) for signal in self.signals)


@asynccontextmanager
async def listening(stage: Stage, leader: AccountId) -> AsyncIterator[Listener]:
    """Listen to a leader's feed from the first join on."""
    listener = Listener()

    async def listen() -> None:
        async for signal in stage.feed(leader).signals():
            listener.signals.append(signal)

    task = asyncio.create_task(listen())
    try:
        yield listener
    finally:
        task.cancel()
        await asyncio.wait({task})


async def sees(condition: Callable[[], object]) -> None:
    await until(lambda: bool(condition()))


async def test_socket_and_history_tell_the_same_fills(stage: Stage) -> None:
    leader = await stage.leader()
    async with listening(stage, leader) as heard:
        await sees(lambda: heard.joined)
        await stage.simulator.trade(leader, BTC, "buy", "6", pieces=["1", "2", "3"])
        await stage.simulator.trade(leader, BTC, "sell", "6")
        await sees(lambda: len(heard.trades) == 4)
    read = await stage.history(leader).fills_since(0)
    told = [signal.fill for signal in heard.signals if isinstance(signal, FeedFill)]
    assert [fill.event_id for fill in told] == [fill.event_id for fill in read]
    assert [(f.size, f.price, f.side, f.at_ms) for f in told] == [(f.size, f.price, f.side, f.at_ms) for f in read]
    assert await stage.history(leader).positions() == {}


async def test_a_dropped_socket_is_rejoined_and_history_knows_what_was_missed(stage: Stage) -> None:
    leader = await stage.leader()
    async with listening(stage, leader) as heard:
        await sees(lambda: heard.joined)
        await stage.simulator.plant("push_drop", where={"uid": leader}, times=2)  # the order, then its fill
        await stage.simulator.trade(leader, BTC, "buy", "1")
        await stage.simulator.plant("ws_drop", uids=[leader])
        await sees(lambda: heard.joined == 2)
        assert len(heard.losses) == 1
        await stage.simulator.trade(leader, BTC, "buy", "2")
        await sees(lambda: heard.trades)
    read = await stage.history(leader).fills_since(0)
    assert [fill.size for fill in read] == [1, 2]
    assert heard.trades == [read[1].trade_id]


async def test_a_silent_socket_is_noticed_and_rejoined(stage: Stage) -> None:
    leader = await stage.leader()
    async with listening(stage, leader) as heard:
        await sees(lambda: heard.joined)
        await stage.simulator.plant("ws_silence", uids=[leader], for_ms=60_000)
        await sees(lambda: heard.losses)
        assert heard.losses[0] == f"silent for {SOCKET.silence_s:g} s"
        await stage.simulator.plant("ws_silence", uids=[leader], for_ms=1)
        await sees(lambda: heard.joined == 2)


async def test_an_idle_socket_is_kept_alive_beyond_the_venues_patience(stage: Stage) -> None:
    leader = await stage.leader()
    async with listening(stage, leader) as heard:
        await sees(lambda: heard.joined)
        began = stage.clock.monotonic()
        await sees(lambda: stage.clock.monotonic() - began > 2.5)
        await stage.simulator.trade(leader, BTC, "buy", "1")
        await sees(lambda: heard.trades)
        assert heard.losses == []


async def test_a_notice_of_upgrade_makes_us_rejoin(stage: Stage) -> None:
    leader = await stage.leader()
    async with listening(stage, leader) as heard:
        await sees(lambda: heard.joined)
        await stage.simulator.plant("ws_notice_64008", uids=[leader])
        await sees(lambda: heard.joined == 2)
        assert heard.losses[0].startswith("notice: 64008")


async def test_a_fill_without_its_trade_is_a_hint(stage: Stage) -> None:
    leader = await stage.leader()
    async with listening(stage, leader) as heard:
        await sees(lambda: heard.joined)
        await stage.simulator.plant("push_no_trade_id", where={"uid": leader}, times=2)  # the order, then its fill
        await stage.simulator.trade(leader, BTC, "buy", "1")
        await sees(lambda: heard.hints)
        assert heard.trades == []


async def test_a_repeated_push_is_the_same_fill(stage: Stage) -> None:
    leader = await stage.leader()
    async with listening(stage, leader) as heard:
        await sees(lambda: heard.joined)
        await stage.simulator.plant("push_repeat", n=3, where={"uid": leader}, times=2)  # the order, then its fill
        await stage.simulator.trade(leader, BTC, "buy", "1")
        await stage.simulator.trade(leader, BTC, "sell", "1")
        await sees(lambda: len(set(heard.trades)) == 2)
    assert len(heard.trades) > 2


async def test_a_key_the_venue_does_not_know_says_so_and_a_new_one_is_tried(stage: Stage) -> None:
    leader = await stage.leader()
    good = stage.credentials.stored[leader]
    wrong = ApiKey(Secret("nobody"), Secret("nothing"), Secret("never"))
    stage.credentials.stored[leader] = SigningKey(leader, 1, "www", wrong)
    async with listening(stage, leader) as heard:
        await sees(lambda: heard.losses)
        assert heard.losses[0].startswith("grant unusable: error: 60032")
        assert stage.credentials.cached(leader) is None
        stage.credentials.stored[leader] = good


async def test_rules_and_prices_arrive_and_follow(stage: Stage) -> None:
    pace = MarketPace(gather_s=0.01, first_pause_ms=10)
    market = OkxMarket(stage.rest, f"{stage.simulator.ws_url}/public", stage.clock, stage.gate, SOCKET, pace)
    await market.load()
    instrument = market.find(BTC)
    assert instrument
    assert (instrument.tick, instrument.live) == (Decimal("0.1"), True)
    assert market.find(InstId("NO-SUCH-SWAP")) is None
    assert market.market(BTC) == UNKNOWN_MARKET
    running = asyncio.create_task(market.run())
    try:
        await sees(lambda: market.market(BTC).last and market.market(BTC).buy_limit)
        await stage.simulator.market(BTC, px="61000")
        await sees(lambda: market.market(BTC).last == Decimal(61_000))
        await stage.simulator.market(BTC, state="suspend", tickSz="0.5")
        await sees(lambda: (found := market.find(BTC)) and not found.live and found.tick == Decimal("0.5"))
        late = market.market(InstId("ETH-USDT-SWAP"))
        assert late == UNKNOWN_MARKET
        await sees(lambda: market.market(InstId("ETH-USDT-SWAP")).last)
    finally:
        running.cancel()
        await asyncio.wait({running})
        await stage.simulator.market(BTC, px="60000", state="live", tickSz="0.1")

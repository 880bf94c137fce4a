"""Reference data and prices, kept fresh beside the hot path.

Rules come whole by REST, first and on a schedule; the socket's `instruments` channel may push only what changed, so its
rows are merged by `instId`. Prices come for the instruments somebody asked for, from the first question on. Whoever
reads gets what is known now, with its age, and never waits.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from random import random

import msgspec
import structlog

from shared.domain.backoff import delay_ms
from shared.domain.ids import InstId
from shared.domain.instruments import UNKNOWN_MARKET, Instrument, Market
from shared.okx import models, translation
from shared.okx.errors import OkxError, Unreadable
from shared.okx.frames import Channel, Frame, Op
from shared.okx.rest import Rest
from shared.okx.socket import ConnectGate, OkxSocket, SocketLimits, SocketLost, connected
from shared.ports import Clock
from shared.telemetry.logs import OnceLog

_INSTRUMENT = msgspec.json.Decoder(models.Instrument)
_TICKER = msgspec.json.Decoder(models.Ticker)
_PRICE_LIMIT = msgspec.json.Decoder(models.PriceLimit)


@dataclass(frozen=True, slots=True)
class MarketPace:
    """How often things are read again."""

    reload_s: float = 300.0
    gather_s: float = 0.2
    """New questions are gathered for so long before they become one subscription."""
    first_pause_ms: int = 500
    most_pause_ms: int = 15_000


class OkxMarket:
    """`ports.Instruments` for one kind of product; `load` it once, then let `run` keep it fresh."""

    def __init__(
        self,
        rest: Rest,
        address: str,
        clock: Clock,
        gate: ConnectGate,
        limits: SocketLimits,
        pace: MarketPace = MarketPace(),
        *,
        inst_type: str = "SWAP",
        jitter: Callable[[], float] = random,
        on_strange: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        """Read over `rest` and listen at `address`; `on_strange` counts what cannot be used."""
        self._rest = rest
        self._address = address
        self._clock = clock
        self._gate = gate
        self._limits = limits
        self._pace = pace
        self._inst_type = inst_type
        self._jitter = jitter
        self._strange = OnceLog("strange_market_data", on_strange)
        self._instruments: dict[InstId, Instrument] = {}
        self._markets: dict[InstId, Market] = {}
        self._asked = asyncio.Event()

    def find(self, inst_id: InstId) -> Instrument | None:
        """Return an instrument, or None if the venue does not list it. Never blocks."""
        return self._instruments.get(inst_id)

    def market(self, inst_id: InstId) -> Market:
        """Return what is known of its price now; the first question starts the price. Never blocks."""
        known = self._markets.get(inst_id)
        if known is None:
            self.watch([inst_id])
            return UNKNOWN_MARKET
        return known

    def watch(self, inst_ids: Collection[InstId]) -> None:
        """Keep these instruments' prices from now on. Idempotent."""
        for inst_id in inst_ids:
            self._markets.setdefault(inst_id, UNKNOWN_MARKET)
        self._asked.set()

    async def load(self) -> None:
        """Read every instrument's rules.

        Raises:
            OkxError: the venue did not tell them; what was known stays.
        """
        rows = await self._rest.instruments(self._inst_type)
        read = [instrument for row in rows if (instrument := self._instrument(row))]
        if not read:
            raise Unreadable(f"the venue lists no {self._inst_type} that can be read")
        self._instruments = {instrument.inst_id: instrument for instrument in read}

    async def run(self) -> None:
        """Keep rules and prices fresh until cancelled; what cannot be had is logged, and grows old."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._reload())
            group.create_task(self._listen())

    async def _reload(self) -> None:
        while True:
            try:
                await self.load()
            except OkxError as error:
                structlog.get_logger().warning("instruments_not_loaded", why=str(error))
            await self._clock.sleep(self._pace.reload_s)

    async def _listen(self) -> None:
        failures = 0
        while True:
            since = self._clock.monotonic()
            try:
                async with connected(self._address, self._limits, self._gate) as socket, asyncio.TaskGroup() as group:
                    group.create_task(self._subscribe(socket))
                    group.create_task(self._read(socket))
            except* SocketLost as lost:
                structlog.get_logger().warning("market_socket_lost", why=str(lost.exceptions[0]))
            lasted = self._clock.monotonic() - since > self._pace.most_pause_ms / 1_000
            failures = 0 if lasted else failures + 1
            jitter = Decimal(str(self._jitter()))
            pause_ms = delay_ms(failures, self._pace.first_pause_ms, self._pace.most_pause_ms, jitter)
            await self._clock.sleep(pause_ms / 1_000)

    async def _subscribe(self, socket: OkxSocket) -> None:
        """Subscribe to the rules, and to prices as they are asked for."""
        await socket.ask(Op("subscribe", [Channel("instruments", instType=self._inst_type)], "instruments"))
        subscribed: set[InstId] = set()
        while True:
            self._asked.clear()
            new = sorted(self._markets.keys() - subscribed)
            if new:
                channels = [Channel(name, instId=inst_id) for inst_id in new for name in ("tickers", "price-limit")]
                await socket.ask(Op("subscribe", channels, "prices"))
                subscribed.update(new)
            await self._asked.wait()
            await self._clock.sleep(self._pace.gather_s)

    async def _read(self, socket: OkxSocket) -> None:
        while True:
            try:
                self._take(await socket.frame())
            except Unreadable as error:
                self._strange.note("unreadable frame", why=str(error))

    def _take(self, frame: Frame) -> None:
        if frame.event == "notice":
            raise SocketLost(f"notice: {frame.code} {frame.msg}")
        if frame.event == "error":
            self._strange.note(f"error {frame.code}", message=frame.msg)
        if frame.arg is None or frame.event:
            return
        for raw in frame.data:
            try:
                self._take_row(frame.arg.channel, raw)
            except (Unreadable, msgspec.MsgspecError) as error:
                self._strange.note(f"unreadable {frame.arg.channel}", why=str(error))

    def _take_row(self, channel: str, raw: msgspec.Raw) -> None:
        match channel:
            case "instruments":
                self._merge(_INSTRUMENT.decode(raw))
            case "tickers":
                self._price(_TICKER.decode(raw))
            case "price-limit":
                self._band(_PRICE_LIMIT.decode(raw))
            case _:
                self._strange.note(f"channel {channel}")

    def _merge(self, row: models.Instrument) -> None:
        instrument = self._instrument(row)
        if instrument:
            self._instruments[instrument.inst_id] = instrument

    def _price(self, row: models.Ticker) -> None:
        inst_id, at_ms = InstId(row.instId), translation.moment(row.ts, "ts")
        known = self._markets.get(inst_id, UNKNOWN_MARKET)
        if at_ms >= known.at_ms:
            self._markets[inst_id] = replace(known, last=translation.price(row.last, "last"), at_ms=at_ms)

    def _band(self, row: models.PriceLimit) -> None:
        inst_id = InstId(row.instId)
        buy, sell = (row.buyLmt, row.sellLmt) if row.enabled else ("", "")
        self._markets[inst_id] = replace(
            self._markets.get(inst_id, UNKNOWN_MARKET),
            buy_limit=translation.price(buy, "buyLmt"),
            sell_limit=translation.price(sell, "sellLmt"),
        )

    def _instrument(self, row: models.Instrument) -> Instrument | None:
        """Read a product's rules; one that cannot be read is left out, which makes it unknown, never half-known."""
        try:
            return translation.instrument(row)
        except Unreadable as error:
            self._strange.note(f"instrument {row.instId}", why=str(error))
            return None

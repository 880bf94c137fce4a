"""OKX's endpoints, one method each, in its own words; for reading only.

Every call here may be repeated without harm, so what was not sent, not answered or throttled is tried again after a
growing pause. Orders never pass through here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import random
from typing import Generic, TypeVar

import msgspec

from shared.domain.backoff import delay_ms
from shared.domain.ids import InstId
from shared.okx import models, protocol
from shared.okx.answers import read_items
from shared.okx.documented import DOCUMENTED, undocumented
from shared.okx.errors import NotSent, Throttled, Unanswered, Unreadable
from shared.okx.protocol import HotWay, Request, WayOut
from shared.okx.signing import authorised
from shared.ports import Clock, VenueClock
from shared.telemetry.logs import OnceLog
from shared.vault.credentials import Credential

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class _Shape(Generic[T]):
    """What the items of an answer are, and what reads them."""

    model: type[T]
    decoder: msgspec.json.Decoder[models.Reply[T]]


_INSTRUMENTS = _Shape(models.Instrument, msgspec.json.Decoder(models.Reply[models.Instrument]))
_TICKER = _Shape(models.Ticker, msgspec.json.Decoder(models.Reply[models.Ticker]))
_PRICE_LIMIT = _Shape(models.PriceLimit, msgspec.json.Decoder(models.Reply[models.PriceLimit]))
_FILLS = _Shape(models.Fill, msgspec.json.Decoder(models.Reply[models.Fill]))
_POSITIONS = _Shape(models.Position, msgspec.json.Decoder(models.Reply[models.Position]))
_BALANCE = _Shape(models.Balance, msgspec.json.Decoder(models.Reply[models.Balance]))
_CONFIG = _Shape(models.AccountConfig, msgspec.json.Decoder(models.Reply[models.AccountConfig]))


@dataclass(frozen=True, slots=True)
class Patience:
    """How a reading request is repeated; times in milliseconds but for the answer's."""

    answer_s: float = 4.0
    tries: int = 3
    first_ms: int = 200
    most_ms: int = 2_000


class Rest:
    """A site's reading endpoints; each call raises an `OkxError` once its patience is at an end."""

    def __init__(
        self,
        way: WayOut,
        clock: Clock,
        venue: VenueClock,
        patience: Patience = Patience(),
        jitter: Callable[[], float] = random,
        on_news: Callable[[str], None] = lambda _field: None,
    ) -> None:
        """Ask over `way`; `on_news` counts fields that nobody documented, each is logged once."""
        self._way = way
        self._clock = clock
        self._venue = venue
        self._patience = patience
        self._jitter = jitter
        self._news = OnceLog("undocumented_field", on_news)

    async def instruments(self, inst_type: str) -> list[models.Instrument]:
        """Read every product of a kind."""
        return await self._read(protocol.instruments(inst_type), _INSTRUMENTS, None)

    async def ticker(self, inst_id: InstId) -> models.Ticker:
        """Read a product's last price."""
        return _one(await self._read(protocol.ticker(inst_id), _TICKER, None))

    async def price_limit(self, inst_id: InstId) -> models.PriceLimit:
        """Read a product's price band."""
        return _one(await self._read(protocol.price_limit(inst_id), _PRICE_LIMIT, None))

    async def fills(
        self, credential: Credential, inst_id: InstId | None = None, older_than_bill: str | None = None
    ) -> list[models.Fill]:
        """Read a page of the last three days' fills, newest first; an empty page is the end."""
        return await self._read(protocol.fills(inst_id, older_than_bill), _FILLS, credential)

    async def positions(self, credential: Credential, inst_id: InstId | None = None) -> list[models.Position]:
        """Read the account's positions."""
        return await self._read(protocol.positions(inst_id), _POSITIONS, credential)

    async def balance(self, credential: Credential) -> models.Balance:
        """Read the account's equity."""
        return _one(await self._read(protocol.balance(), _BALANCE, credential))

    async def account_config(self, credential: Credential) -> models.AccountConfig:
        """Read how the account is set up."""
        return _one(await self._read(protocol.account_config(), _CONFIG, credential))

    async def _read(self, request: Request, shape: _Shape[T], credential: Credential | None) -> list[T]:
        tries = 0
        while True:
            try:
                return await self._once(request, shape, credential)
            except (NotSent, Unanswered, Throttled):
                tries += 1
                if tries >= self._patience.tries:
                    raise
            jitter = Decimal(str(self._jitter()))
            wait_ms = delay_ms(tries - 1, self._patience.first_ms, self._patience.most_ms, jitter)
            await self._clock.sleep(wait_ms / 1_000)

    async def _once(self, request: Request, shape: _Shape[T], credential: Credential | None) -> list[T]:
        if credential is not None:
            request = authorised(request, credential, self._venue.now_ms())
        response = await self._way.send(request, self._patience.answer_s)
        items = read_items(response, shape.decoder)
        if shape.model in DOCUMENTED:
            self._look_for_news(response.body, shape.model)
        return items

    def _look_for_news(self, body: bytes, model: type[msgspec.Struct]) -> None:
        """Count fields that OKX's documentation does not know; it adds them without notice."""
        for row in msgspec.json.decode(body)["data"][:1]:
            for name in undocumented(row, model):
                self._news.note(f"{model.__name__}.{name}")


@dataclass(frozen=True, slots=True)
class SiteWays:
    """The two ways out to one site: the wire for orders, the endpoints for everything else."""

    wire: HotWay
    rest: Rest


def _one(items: list[T]) -> T:
    if len(items) != 1:
        raise Unreadable(f"the answer has {len(items)} items; expected one")
    return items[0]

"""What can be traded, and by which rules: read when asked for, and kept for a while. For whoever needs no prices."""

import asyncio
from collections.abc import Mapping
from math import inf

import msgspec

from shared.domain.ids import InstId
from shared.domain.instruments import Instrument
from shared.okx import models, protocol, translation
from shared.okx.answers import read_items
from shared.okx.errors import OkxError, Unreadable
from shared.okx.protocol import WayOut
from shared.ports import Clock, CouldNotAsk

_FRESH_S = 300.0
_INSTRUMENTS = msgspec.json.Decoder(models.Reply[models.Instrument])


class OkxRules:
    """Reads every swap's rules, at most every five minutes, however many ask."""

    def __init__(self, way: WayOut, clock: Clock, answer_s: float = 10.0) -> None:
        self._way, self._clock, self._answer_s = way, clock, answer_s
        self._known: Mapping[InstId, Instrument] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def known(self) -> Mapping[InstId, Instrument]:
        """Return every swap's rules; a product that cannot be read is left out.

        Raises:
            CouldNotAsk: the venue did not tell them, and none are known.
        """
        async with self._reading:
            if self._clock.monotonic() - self._read_at > _FRESH_S:
                await self._read()
        return self._known

    async def _read(self) -> None:
        try:
            answer = await self._way.send(protocol.instruments("SWAP"), self._answer_s, inf)
            rows = read_items(answer, _INSTRUMENTS)
        except OkxError as error:
            if not self._known:
                raise CouldNotAsk(f"the venue did not list its instruments: {error}") from error
            return
        read = {}
        for row in rows:
            try:
                instrument = translation.instrument(row)
            except Unreadable:
                continue
            read[instrument.inst_id] = instrument
        self._known, self._read_at = read, self._clock.monotonic()

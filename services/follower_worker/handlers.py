"""The FastStream edge: one subscriber on `trades`, without a group, handing raw batches to the copier."""

import asyncio
from typing import Any

from faststream.redis import RedisBroker

from services.follower_worker.copying import Copier
from shared.bus.reading import StreamSub, subscribe
from shared.bus.streams import TradeStream

MOST_ENTRIES_A_READ = 500


class TradesReader:
    """Reads `trades` once for every lane of this worker, from the stream's tail.

    Lanes catch up to there by themselves.
    """

    def __init__(self, broker: RedisBroker, stream: str, trades: TradeStream, copier: Copier, block_ms: int) -> None:
        self._broker, self._stream, self._trades, self._copier = broker, stream, trades, copier
        self._block_ms = block_ms
        self._server = ""
        self._one_at_a_time = asyncio.Lock()
        self._subscriber: Any = None

    async def keep_up(self) -> None:
        """Begin to read, or begin anew on another server.

        What was read of the old one says nothing of this one's ids.
        """
        async with self._one_at_a_time:
            server = await self._trades.server()
            if server != self._server:
                await self._begin_anew(server)

    async def _begin_anew(self, server: str) -> None:
        await self.stop()
        tail = await self._trades.last()
        self._copier.regroup(tail)
        stream = StreamSub(
            self._stream, last_id=tail, batch=True, max_records=MOST_ENTRIES_A_READ, polling_interval=self._block_ms
        )
        self._subscriber = subscribe(self._broker, stream, self._copier.receive)
        await self._subscriber.start()
        self._server = server

    async def stop(self) -> None:
        """Read no more; what was read has been folded."""
        if self._subscriber:
            await self._subscriber.stop()
            self._subscriber = None

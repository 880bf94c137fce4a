"""The FastStream edge: one subscriber on `trades`, without a group, handing raw batches to the copier."""

from typing import Any

from faststream.redis import RedisBroker

from services.follower_worker.copying import Copier
from shared.bus.reading import StreamSub, subscribe
from shared.domain.ids import EntryId

MOST_ENTRIES_A_READ = 500


class TradesReader:
    """Reads `trades` once for every lane of this worker; restarted when Redis turns out to be another server."""

    def __init__(self, broker: RedisBroker, stream: str, copier: Copier, block_ms: int) -> None:
        self._broker, self._stream, self._copier, self._block_ms = broker, stream, copier, block_ms
        self._subscriber: Any = None

    async def start(self, after: EntryId) -> None:
        """Begin to read after an entry; lanes catch up to it by themselves."""
        self._copier.start_at(after)
        stream = StreamSub(
            self._stream, last_id=after, batch=True, max_records=MOST_ENTRIES_A_READ, polling_interval=self._block_ms
        )
        self._subscriber = subscribe(self._broker, stream, self._copier.receive)
        await self._subscriber.start()

    async def stop(self) -> None:
        """Read no more; what was read has been folded."""
        if self._subscriber:
            await self._subscriber.stop()
            self._subscriber = None

"""FastStream's edge, as we use it: whole batches of raw entries, one subscriber, nothing parsed for us.

Its own parser would read every entry as JSON and write it again, and one bad entry would spoil the batch. Its default
pause after a lost connection is five seconds; the client's own retries come first.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import structlog
from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.configs.state import RedisConnectionState
from faststream.redis.message import RedisBatchStreamMessage
from redis.asyncio import Redis

from shared.bus.client import open_redis
from shared.bus.keys import DATA
from shared.domain.ids import EntryId

Batch = Sequence[tuple[EntryId, bytes]]
Receive = Callable[[Batch], Awaitable[None]]

_READER_TRIES = 1_000
"""Tries of half a second each: a reader outwaits any restart."""


class _Opened(RedisConnectionState):
    """The broker's connection is a client of ours: one way to open them, on every topology."""

    def __init__(self, opened: Callable[[], Redis]) -> None:
        super().__init__()
        self._opened = opened

    async def connect(self) -> Redis:
        self._client, self._connected = self._opened(), True
        return self._client


class _Broker(RedisBroker):
    def __init__(self, opened: Callable[[], Redis]) -> None:
        self._opened = opened
        # The level is that of a line per batch; failures are told louder.
        super().__init__(logger=structlog.get_logger(), log_level=logging.DEBUG)

    def _make_connection_state(self, *_: object) -> _Opened:
        return _Opened(self._opened)


def open_broker(url: str, installation: str, socket_timeout_s: float, max_connections: int) -> RedisBroker:
    """Make a broker for reading; connects when started. ValueError: the URL is malformed."""
    return _Broker(partial(open_redis, url, installation, socket_timeout_s, max_connections, _READER_TRIES))


def subscribe(broker: RedisBroker, stream: StreamSub, receive: Receive) -> Any:  # noqa: ANN401 - FastStream's subscriber type is internal
    """Attach one batch subscriber; start it with `await subscriber.start()`.

    `receive` is awaited batch by batch, in order.
    """
    subscriber = broker.subscriber(stream=stream, ack_policy=AckPolicy.MANUAL, parser=_raw, decoder=_undecoded)

    async def handle(batch: list[Any]) -> None:
        try:
            await receive([(EntryId(name), payload) for name, payload in batch])
        except Exception as error:
            structlog.get_logger().exception("batch_failed", stream=stream.name, error=type(error).__name__)
            raise

    subscriber(handle)
    return subscriber


async def _raw(message: Any) -> RedisBatchStreamMessage:  # noqa: ANN401 - whatever FastStream hands its parsers
    nobody: Any = None  # FastStream itself passes None where there is no group
    return RedisBatchStreamMessage(
        raw_message=message, body=b"", headers={}, content_type=None, consumer=nobody, group=nobody
    )


async def _undecoded(message: RedisBatchStreamMessage) -> list[tuple[str, bytes]]:
    raw = message.raw_message
    rows = zip(raw["message_ids"], raw["data"], strict=True)
    return [(name.decode(), fields.get(DATA.encode(), b"")) for name, fields in rows]


__all__ = ["Batch", "StreamSub", "open_broker", "subscribe"]

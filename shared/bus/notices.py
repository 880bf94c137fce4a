"""Notices by pub/sub: hints to look again. Whoever misses one learns the same a moment later by other means."""

from collections.abc import Awaitable, Callable

import msgspec
import structlog
from redis.asyncio import Redis

from shared.bus.client import UNREACHABLE
from shared.bus.keys import Keys
from shared.domain.switches import Switch
from shared.messages import entries, notices
from shared.messages.notices import GrantNotice
from shared.ports import Clock

_RETRY_S = 0.5
_POLL_S = 5.0

Heard = Callable[[bytes], Awaitable[None] | None]


class _Channel:
    """One channel; joined again after the server was away."""

    def __init__(self, redis: Redis, name: str, clock: Clock) -> None:
        self._redis, self._name, self._clock = redis, name, clock

    async def say(self, payload: bytes) -> None:
        await self._redis.publish(self._name, payload)

    async def listen(self, heard: Heard) -> None:
        while True:
            try:
                await self._listen_once(heard)
            except UNREACHABLE as error:
                structlog.get_logger().warning("notices_interrupted", error=type(error).__name__)
                await self._clock.sleep(_RETRY_S)

    async def _listen_once(self, heard: Heard) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(self._name)
            while True:
                message = await channel.get_message(timeout=_POLL_S)
                if message is None:
                    continue
                waiting = heard(message["data"])
                if waiting is not None:
                    await waiting


class GrantNotices:
    """Announces changes of grants, and listens for them."""

    def __init__(self, redis: Redis, keys: Keys, clock: Clock) -> None:
        self._channel = _Channel(redis, keys.grants, clock)

    async def announce(self, notice: GrantNotice) -> None:
        """Tell whoever listens now; nobody else ever hears of it. Redis failures propagate."""
        await self._channel.say(notices.encode(notice))

    async def listen(self, heard: Callable[[GrantNotice], Awaitable[None] | None]) -> None:
        """Call `heard` for each notice until cancelled; joins again after the server was away."""

        def decoded(payload: bytes) -> Awaitable[None] | None:
            try:
                return heard(notices.decode(payload))
            except msgspec.MsgspecError as error:
                structlog.get_logger().warning("notice_unreadable", why=str(error))
                return None

        await self._channel.listen(decoded)


class SwitchNotices:
    """Announces throws of kill switches, and listens for them."""

    def __init__(self, redis: Redis, keys: Keys, clock: Clock) -> None:
        self._channel = _Channel(redis, keys.switches, clock)

    async def announce(self, switch: Switch) -> None:
        """Tell whoever listens now; the others read it in the stream or the database. Redis failures propagate."""
        await self._channel.say(entries.encode(entries.write_switch(switch)))

    async def listen(self, heard: Callable[[Switch], None]) -> None:
        """Call `heard` for each throw until cancelled; joins again after the server was away."""

        def decoded(payload: bytes) -> None:
            try:
                message = entries.decode(payload)
            except entries.Undecodable as error:
                structlog.get_logger().warning("notice_unreadable", why=str(error))
                return
            if isinstance(message, entries.SwitchV1):
                heard(entries.read_switch(message))

        await self._channel.listen(decoded)


class LaneBell:
    """Rings when a lane, or a share of them, has become free, so that nobody waits for its turn to look."""

    def __init__(self, redis: Redis, keys: Keys, clock: Clock) -> None:
        self._channel = _Channel(redis, keys.freed, clock)

    async def ring(self) -> None:
        """Tell the other workers now. Redis failures propagate."""
        await self._channel.say(b"")

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` at each ring until cancelled; joins again after the server was away."""
        await self._channel.listen(lambda _payload: heard())

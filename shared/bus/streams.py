"""The streams: publishing once, reading what a lane missed, setting aside what nobody can read, trimming.

An entry is plain JSON in the one field `__data__`. Publishing is one step per batch and leader (publish.lua); two
publishers may run at once, and the slower one is told so.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import cast

from redis.asyncio import Redis

from shared.bus.keys import DATA, Keys
from shared.bus.replies import text
from shared.bus.scripts import Steps
from shared.domain.ids import STREAM_START, AccountId, EntryId, EventId, InstId, entry_order
from shared.domain.quantities import Contracts, plain
from shared.messages.entries import DeadLetter, ReconcileV1, SubscriptionV1, SwitchV1, TradeEventV1, encode
from shared.messages.leader import LeaderState, Published

REMEMBERED_MS = 4 * 24 * 3600 * 1000
"""How long published ids are remembered.

A day more than the venue's REST fills reach back (D#…-get-transaction-details-last-3-days).
"""
_DEAD_LETTERS = 10_000

Rows = list[tuple[bytes, dict[bytes, bytes]]]


class TradePublisher:
    """Publishes leaders' events. Redis failures propagate; publishing again is safe."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys, self._steps = redis, keys, Steps(redis)

    async def state(self, leader: AccountId) -> LeaderState:
        """Read what is known of a leader."""
        # The epoch first: read after a restart in between, it would vouch for a state of the server before.
        server, since = await self._redis.hmget(self._keys.epoch, ["server", "since"])
        raw = {text(key): text(value) for key, value in (await self._redis.hgetall(self._keys.leader(leader))).items()}
        positions = {
            InstId(name.removeprefix("position:")): Contracts(Decimal(value))
            for name, value in raw.items()
            if name.startswith("position:")
        }
        return LeaderState(
            int(raw.get("version", 0)),
            int(raw.get("last_ms", 0)),
            int(raw.get("floor_ms", 0)),
            positions,
            int(since or 0),
            text(server or b""),
        )

    async def positions(self, leader: AccountId) -> dict[InstId, Contracts]:
        """Return where a leader stands after its last published event."""
        return (await self.state(leader)).positions

    async def unpublished(self, leader: AccountId, ids: Sequence[EventId]) -> set[EventId]:
        """Return which of these ids were never published."""
        if not ids:
            return set()
        scores = await self._redis.zmscore(self._keys.published(leader), list(ids))
        return {event for event, score in zip(ids, scores, strict=True) if score is None}

    async def publish(
        self,
        leader: AccountId,
        state: LeaderState,
        events: Sequence[TradeEventV1],
        positions: dict[InstId, Contracts],
        last_ms: int,
        now_ms: int,
    ) -> Published:
        """Publish events computed from a leader's state, all or none, in one step, unless that state has moved on."""
        rest: list[str | bytes] = []
        for event in events:
            rest += [event.id, str(event.filled_ms), encode(event)]
        for inst_id, position in positions.items():
            rest += [inst_id, plain(position)]
        keys = (self._keys.trades, self._keys.leader(leader), self._keys.published(leader), self._keys.epoch)
        reply = await self._steps.publish(
            keys, (state.server, state.version, last_ms, now_ms - REMEMBERED_MS, len(events)), rest
        )
        return Published(reply[0].decode())

    async def mark_published(self, leader: AccountId, events: Sequence[tuple[EventId, int]]) -> None:
        """Remember ids (with their fill times) that came before our time, so that they are never published."""
        if events:
            await self._redis.zadd(self._keys.published(leader), dict(events))


class SubscriptionPublisher:
    """Publishes versions of subscriptions, once each."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._keys, self._steps = keys, Steps(redis)

    async def publish(self, messages: Sequence[SubscriptionV1]) -> int:
        """Publish versions in this order; returns how many had not been published before. Safe to repeat."""
        entries = [(each.id, each.version, encode(each)) for each in messages]
        return await self._steps.announce(self._keys.trades, self._keys.published_subscriptions, entries)


class CommandPublisher:
    """Publishes commands, kill switches among them, once each."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._keys, self._steps = keys, Steps(redis)

    async def publish(self, commands: Sequence[ReconcileV1 | SwitchV1]) -> int:
        """Publish commands in this order; returns how many are new. Safe to repeat."""
        entries = [(each.id, each.made_ms, encode(each)) for each in commands]
        return await self._steps.announce(self._keys.trades, self._keys.published_commands, entries)


class TradeStream:
    """Reads `trades` for lanes that lag, sets undecodable entries aside, trims."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    async def last(self) -> EntryId:
        """Return the id of the newest entry ever added, or the start."""
        if not await self._redis.exists(self._keys.trades):
            return STREAM_START
        return EntryId((await self._redis.xinfo_stream(self._keys.trades))["last-generated-id"].decode())

    async def server(self) -> str:
        """Return which server answers; another one after every restart and failover."""
        info = {**await self._redis.info("server"), **await self._redis.info("replication")}
        return f"{info['run_id']}:{info['master_replid']}"

    async def confirmed(self, leader: AccountId) -> bool:
        """Tell whether a watcher has published all it knows of a leader since Redis may have forgotten."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hget(self._keys.epoch, "server")
            pipe.hget(self._keys.leader(leader), "server")
            epoch, confirmed = await pipe.execute()
        return epoch is not None and epoch == confirmed

    async def after(self, entry: EntryId, upto: EntryId, count: int = 1000) -> list[tuple[EntryId, bytes]]:
        """Read up to `count` entries after one, up to and including another."""
        if entry_order(entry) >= entry_order(upto):
            return []
        rows = cast("Rows", await self._redis.xrange(self._keys.trades, min=f"({entry}", max=upto, count=count))
        return [(EntryId(text(name)), fields.get(DATA.encode(), b"")) for name, fields in rows]

    async def bury(self, entry: EntryId, payload: bytes, reason: str) -> None:
        """Set an entry aside that nobody can decode."""
        await self._redis.xadd(
            self._keys.dead, {"entry": entry, "reason": reason, DATA: payload}, maxlen=_DEAD_LETTERS, approximate=True
        )

    async def letters(self, most: int) -> list[DeadLetter]:
        """Return the newest entries nobody could read, newest first."""
        rows = cast("Rows", await self._redis.xrevrange(self._keys.dead, count=most))
        return [DeadLetter(text(fields.get(b"entry", b"")), text(fields.get(b"reason", b""))) for _, fields in rows]

    async def trim(self, keep_after: EntryId) -> int:
        """Drop entries before one that every lane has passed; returns how many."""
        return int(await self._redis.xtrim(self._keys.trades, minid=keep_after, approximate=True))

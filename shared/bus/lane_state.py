"""A lane's state in Redis: what its holder loads once and then only writes, in token-checked steps.

A commit carries the number it expects to write. Sent twice it is applied once; sent by somebody whose lease is gone, or
whose memory is newer than Redis is, it is refused and the lane must be given up.
"""

from collections.abc import Mapping, Sequence

import msgspec
from redis.asyncio import Redis

from shared.bus.keys import OFFSET, SEQ, STRAND, SUBSCRIPTION, Keys
from shared.bus.replies import text
from shared.bus.scripts import Steps
from shared.domain.ids import STREAM_START, EntryId, entry_order
from shared.domain.lanes import Lane, Lease
from shared.messages import strand as strand_message
from shared.messages.entries import SubscriptionV1
from shared.messages.lane import Commit, LaneRecord, Written, spell
from shared.messages.strand import StrandV1

_packer = msgspec.msgpack.Encoder()
_subscription_decoder = msgspec.json.Decoder(SubscriptionV1)


class LaneState:
    """Loads and writes lanes. Redis failures propagate: a commit whose reply was lost is simply sent again."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys, self._steps = redis, keys, Steps(redis)

    async def load(self, lane: Lane) -> LaneRecord:
        """Read everything a lane keeps."""
        raw = await self._redis.hgetall(self._keys.lane(lane))
        strands: dict[str, StrandV1] = {}
        subscriptions: list[SubscriptionV1] = []
        unreadable: list[str] = []
        for key, value in raw.items():
            name = text(key)
            try:
                if name.startswith(STRAND):
                    strands[name.removeprefix(STRAND)] = strand_message.decode(value)
                elif name.startswith(SUBSCRIPTION):
                    subscriptions.append(_subscription_decoder.decode(value))
            except msgspec.MsgspecError:
                unreadable.append(name)
        offset = EntryId(text(raw.get(OFFSET.encode(), STREAM_START.encode())))
        return LaneRecord(offset, int(raw.get(SEQ.encode(), b"0")), strands, subscriptions, unreadable)

    async def raise_begun(self, leases: Sequence[Lease], entry: EntryId) -> list[bool]:
        """Record that something may leave for every entry up to `entry`; False for each lane for which nothing may."""
        keys = [key for lease in leases for key in (self._keys.lease(lease.lane), self._keys.lane(lease.lane))]
        return await self._steps.begun(keys, entry_order(entry), [lease.token for lease in leases])

    async def commit(self, lease: Lease, commit: Commit) -> Written:
        """Write one step; safe to repeat."""
        fields = [STRAND + name for name in commit.strands]
        fields += [f"{SUBSCRIPTION}{each.follower}|{each.leader}" for each in commit.subscriptions]
        gone = [STRAND + name for name in commit.forgotten]
        args = [lease.token, commit.seq, commit.offset or "", _packer.encode([fields, gone]), *spell(commit)]
        keys = (self._keys.lease(lease.lane), self._keys.lane(lease.lane), self._keys.outcomes, self._keys.epoch)
        return Written(await self._steps.commit(keys, args))

    async def mirror(self, offsets: Mapping[Lane, EntryId]) -> None:
        """Show offsets as consumer groups on `trades`, for lag metrics of others; cosmetic, may be late."""
        await self._steps.mirror(
            self._keys.trades,
            [text for lane, offset in offsets.items() for text in (self._keys.lane_group(lane), offset)],
        )

    async def offsets(self, lanes: int) -> list[EntryId]:
        """Return every lane's offset."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for lane in range(lanes):
                pipe.hget(self._keys.lane(Lane(lane)), OFFSET)
            return [EntryId((each or STREAM_START.encode()).decode()) for each in await pipe.execute()]

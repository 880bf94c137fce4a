"""USE CASE what happens is laid into the outbox of every webhook that wants it: durable before it is sent.

Everything has an id that is the same whoever finds it, and a webhook takes an id once; so any number of portals may do
this, and begin again where they please. Without a webhook nothing is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec
import structlog

from services.portal.hooks.happenings import Happening, Kind, of_grant, of_leaving, of_outcome, of_subscription
from shared.domain.grants import GrantLife, GrantStatus, consent_ends_ms
from shared.domain.ids import AccountId, EntryId, entry_order
from shared.domain.subscriptions import Subscription
from shared.messages import outcome as outcomes
from shared.ports import Clock

_PAGE = 500
_LOOK_S = 1.0
_GRANTS_EVERY_MS = 30_000
_DYING_MS = 86_400_000
_OVERLAP_MS = 60_000
"""How far back changes are looked for again: others' clocks may be behind ours."""


class Source(StrEnum):
    """Where happenings come from; each has a place of its own up to which it is laid out."""

    OUTCOMES = "outcomes"
    CHANGES = "changes"
    GRANTS = "grants"


@dataclass(frozen=True, slots=True)
class Wanting:
    """A webhook: what it wants to be told of, from when on."""

    id: str
    kinds: frozenset[str]
    made_ms: int


class Outboxes(Protocol):
    """Webhooks and what is to be sent to them. ConnectionError from any: the store is away."""

    async def wanting(self) -> Sequence[Wanting]:
        """Return every webhook in use."""

    async def place(self, source: Source) -> EntryId | None:
        """Return up to where a source is laid out, None if it never was."""

    async def lay(
        self, happenings: Sequence[tuple[str, Happening]], now_ms: int, source: Source, place: EntryId | None
    ) -> None:
        """Lay happenings into webhooks' outboxes, each once, and move the source's place."""

    async def lives(self) -> Mapping[AccountId, GrantLife]:
        """Return what is known of every grant."""

    async def changed_since(self, at_ms: int) -> Sequence[Subscription]:
        """Return every version of a subscription made since a moment, oldest first."""

    async def left_since(self, at_ms: int) -> Sequence[tuple[AccountId, int]]:
        """Return who has left since a moment, and when: nothing else is known of them any more."""

    async def prune(self, before_ms: int) -> int:
        """Forget what was delivered, or given up, before a moment."""


class Outcomes(Protocol):
    """The stream `outcomes`. NotPublished (a ConnectionError): Redis is away."""

    async def after(self, entry: EntryId, count: int) -> Sequence[tuple[EntryId, bytes]]:
        """Read entries after one."""


@dataclass(slots=True)
class Gathering:
    """Gathers what happens."""

    outboxes: Outboxes
    outcomes: Outcomes
    clock: Clock
    refresh_life_ms: int
    keep_ms: int
    _looked_ms: int = 0

    async def gather_for_ever(self) -> None:
        """Gather until cancelled; what is away is waited for."""
        while True:
            try:
                more = await self.gather()
            except ConnectionError as error:
                structlog.get_logger().warning("happenings_not_gathered", reason=str(error))
                more = False
            if not more:
                await self.clock.sleep(_LOOK_S)

    async def gather(self) -> bool:
        """Lay out what has happened; tells whether there is more at once."""
        if not await self.outboxes.wanting():
            return False
        now_ms = self.clock.now_ms()
        if now_ms - self._looked_ms >= _GRANTS_EVERY_MS:
            await self._lay(await self._grants(now_ms), now_ms, Source.GRANTS, None)
            await self.outboxes.prune(now_ms - self.keep_ms)
            self._looked_ms = now_ms
        await self._changes(now_ms)
        return await self._copies(now_ms)

    async def _copies(self, now_ms: int) -> bool:
        rows = await self.outcomes.after(await self._place(Source.OUTCOMES), _PAGE)
        if rows:
            happened = [each for row in rows if (each := _read(*row))]
            await self._lay(happened, now_ms, Source.OUTCOMES, rows[-1][0])
        return len(rows) == _PAGE

    async def _changes(self, now_ms: int) -> None:
        """Lay out changed subscriptions and who left, both by time, looked back on for a while."""
        since_ms = entry_order(await self._place(Source.CHANGES))[0] - _OVERLAP_MS
        happened = [of_subscription(each) for each in await self.outboxes.changed_since(since_ms)]
        happened += [of_leaving(account, at_ms) for account, at_ms in await self.outboxes.left_since(since_ms)]
        await self._lay(happened, now_ms, Source.CHANGES, EntryId(f"{now_ms}-0"))

    async def _place(self, source: Source) -> EntryId:
        """Return where to read on: never before the first webhook was made."""
        hooks = await self.outboxes.wanting()
        first = EntryId(f"{min((each.made_ms for each in hooks), default=self.clock.now_ms()) - 1}-0")
        return max(await self.outboxes.place(source) or first, first, key=entry_order)

    async def _grants(self, now_ms: int) -> list[Happening]:
        found = []
        for life in (await self.outboxes.lives()).values():
            ends_ms = consent_ends_ms(life, self.refresh_life_ms)
            if life.status is not GrantStatus.LIVE:
                found.append(of_grant(life, Kind.GRANT_DEAD, now_ms))
            elif ends_ms is not None and ends_ms - now_ms <= _DYING_MS:
                found.append(of_grant(life, Kind.GRANT_DYING, now_ms, ends_ms))
        return found

    async def _lay(self, happened: Sequence[Happening], now_ms: int, source: Source, place: EntryId | None) -> None:
        """Ask who wants it only now: a webhook made while this was read wants what came after it was made."""
        pairs = [
            (hook.id, each)
            for hook in await self.outboxes.wanting()
            for each in happened
            if each.kind.value in hook.kinds and each.at_ms >= hook.made_ms
        ]
        if pairs or place:
            await self.outboxes.lay(pairs, now_ms, source, place)


def _read(entry: EntryId, payload: bytes) -> Happening | None:
    try:
        return of_outcome(entry, outcomes.decode(payload))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None  # its recorder buries it, with an alarm

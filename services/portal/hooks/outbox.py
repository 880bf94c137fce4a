"""USE CASE what happens is laid into the outbox of every webhook that wants it: durable before it is sent.

Everything has an id that is the same whoever finds it, and a webhook takes an id once; so any number of portals may do
this, and begin again where they please. Without a webhook nothing is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import structlog

from services.portal.hooks.happenings import Happening, Kind, of_grant, of_outcome, of_subscription
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
"""How far back changes of subscriptions are looked for again: others' clocks may be behind ours."""


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

    async def place(self) -> EntryId | None:
        """Return up to which outcome everything is laid out, None if nothing ever was."""

    async def lay(self, happenings: Sequence[tuple[str, Happening]], now_ms: int, place: EntryId | None = None) -> int:
        """Lay happenings into webhooks' outboxes, each once, and move the place; returns how many are new."""

    async def lives(self) -> Mapping[AccountId, GrantLife]:
        """Return what is known of every grant."""

    async def changed_since(self, at_ms: int, most: int) -> Sequence[Subscription]:
        """Return versions of subscriptions made since a moment, oldest first."""

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
        wanting = await self.outboxes.wanting()
        if not wanting:
            return False
        now_ms = self.clock.now_ms()
        if now_ms - self._looked_ms >= _GRANTS_EVERY_MS:
            await self._lay(wanting, await self._grants(now_ms), now_ms)
            await self.outboxes.prune(now_ms - self.keep_ms)
            self._looked_ms = now_ms
        since_ms = max(min(each.made_ms for each in wanting), now_ms - _GRANTS_EVERY_MS - _OVERLAP_MS)
        changed = await self.outboxes.changed_since(since_ms, _PAGE)
        await self._lay(wanting, [of_subscription(each) for each in changed], now_ms)
        return await self._copies(wanting, now_ms)

    async def _copies(self, wanting: Sequence[Wanting], now_ms: int) -> bool:
        first = EntryId(f"{min(each.made_ms for each in wanting) - 1}-0")
        place = max(await self.outboxes.place() or first, first, key=entry_order)
        rows = await self.outcomes.after(place, _PAGE)
        if rows:
            await self._lay(wanting, [each for row in rows if (each := _read(*row))], now_ms, rows[-1][0])
        return len(rows) == _PAGE

    async def _grants(self, now_ms: int) -> list[Happening]:
        found = []
        for life in (await self.outboxes.lives()).values():
            ends_ms = consent_ends_ms(life, self.refresh_life_ms)
            if life.status is not GrantStatus.LIVE:
                found.append(of_grant(life, Kind.GRANT_DEAD, now_ms))
            elif ends_ms is not None and ends_ms - now_ms <= _DYING_MS:
                found.append(of_grant(life, Kind.GRANT_DYING, now_ms, ends_ms))
        return found

    async def _lay(
        self, wanting: Sequence[Wanting], happened: Sequence[Happening], now_ms: int, place: EntryId | None = None
    ) -> None:
        pairs = [
            (hook.id, each)
            for each in happened
            for hook in wanting
            if each.kind.value in hook.kinds and each.at_ms >= hook.made_ms
        ]
        if pairs or place:
            await self.outboxes.lay(pairs, now_ms, place)


def _read(entry: EntryId, payload: bytes) -> Happening | None:
    try:
        return of_outcome(entry, outcomes.decode(payload))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None  # its recorder buries it, with an alarm

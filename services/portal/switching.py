"""USE CASE throw a kill switch: written down, put into the stream, and told to every worker at once.

A database that is away stops nobody from stopping: the throw is published all the same, and its caller is told that
it was not written down.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain.ids import AccountId
from shared.domain.subscriptions import Problem
from shared.domain.switches import Action, Scope, Switch
from shared.ports import Clock

INSTRUMENT_NAME = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)+")
"""How OKX spells instruments: whoever misspells one would stop nothing and not know it."""


_LOOK_AGAIN_S = 0.05


class NotWrittenDown(ConnectionError):
    """Running workers follow the throw; one that starts later does not know of it. Throw it again."""


class Throws(Protocol):
    """Throws as they are stored. ConnectionError from any: the store is away."""

    async def put(self, switch: Switch, actor: str) -> None:
        """Write a throw down, and who did it."""

    async def knows(self, account: AccountId) -> bool:
        """Tell whether there is an account of that name."""

    async def newest(self) -> Sequence[Switch]:
        """Return the newest throw of every scope and name, lifted ones too."""

    async def unpublished(self) -> Sequence[Switch]:
        """Return throws that are not in the stream."""

    async def mark_published(self, published: Sequence[Switch], now_ms: int) -> None:
        """Remember that throws are in the stream. Idempotent."""


class Workers(Protocol):
    """Whoever has to follow. NotPublished from any: Redis is away."""

    async def tell(self, switch: Switch) -> None:
        """Put a throw into the stream, once, and tell everybody who listens."""

    async def following(self, switch: Switch) -> Mapping[str, int]:
        """Return since when each worker follows a throw."""

    async def alive(self) -> set[str]:
        """Return the workers that run."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A switch in force: since when each worker follows it, and which run and have not said so."""

    switch: Switch
    following: Mapping[str, int]
    awaited: Sequence[str]


class Switching:
    """Throws switches, and shows those in force."""

    def __init__(self, throws: Throws, workers: Workers, clock: Clock) -> None:
        self._throws, self._workers, self._clock = throws, workers, clock

    async def problem(self, scope: Scope, name: str) -> Problem | None:
        """Say why a switch would concern nobody, although it would look as if it did; None if it would not.

        While the database is away every name passes: stopping comes first.
        """
        match scope:
            case Scope.PLATFORM:
                return Problem("platform", name, "name nobody: it concerns everybody") if name else None
            case Scope.INSTRUMENT:
                fine = INSTRUMENT_NAME.fullmatch(name) is not None
                return None if fine else Problem("instrument", name, "spell it as OKX does, such as BTC-USDT-SWAP")
            case Scope.LEADER | Scope.FOLLOWER | Scope.OWN:
                fine = await self._knows(AccountId(name))
                return None if fine else Problem(scope.value, name, "name an account that is enrolled")

    async def _knows(self, account: AccountId) -> bool:
        try:
            return await self._throws.knows(account)
        except ConnectionError:
            return True

    async def throw(self, actor: str, scope: Scope, name: str, action: Action) -> Switch:
        """Put a switch in force, or lift it. A repeat is a throw of its own, and changes nothing more.

        Raises:
            NotPublished: it is written down; workers follow it within seconds, what is to be closed waits for Redis.
            NotWrittenDown: running workers follow it; repeat it when the database is back.
        """
        switch = Switch(scope, name, action, self._clock.now_ms())
        missing: ConnectionError | None = None
        try:
            await self._throws.put(switch, actor)
        except ConnectionError as error:
            missing = error
        await self._workers.tell(switch)
        if missing:
            raise NotWrittenDown(f"{switch.id} is followed but not written down: {missing}; throw it again")
        await self._throws.mark_published([switch], self._clock.now_ms())
        return switch

    async def publish_waiting(self) -> int:
        """Publish what is written down and not in the stream; returns how many. Raises as `throw`."""
        waiting = await self._throws.unpublished()
        for each in waiting:
            await self._workers.tell(each)
        if waiting:
            await self._throws.mark_published(waiting, self._clock.now_ms())
        return len(waiting)

    async def in_force(self) -> Sequence[Switch]:
        """Return the switches in force."""
        return [each for each in await self._throws.newest() if each.action is not Action.LIFT]

    async def of_account(self, account: AccountId) -> Sequence[Switch]:
        """Return the switches in force that concern a follower whomever and whatever it follows."""
        wide = (Scope.PLATFORM, Scope.FOLLOWER, Scope.OWN)
        return [each for each in await self.in_force() if each.scope in wide and each.name in ("", account)]

    async def standing(self) -> Sequence[Standing]:
        """Return the switches in force, and who follows them. Raises as the stores behind it."""
        return [await self.followed(each) for each in await self.in_force()]

    async def followed(self, switch: Switch, within_s: float = 0.0) -> Standing:
        """Return who follows a throw: as soon as every running worker does, or after a while."""
        until = self._clock.monotonic() + within_s
        while True:
            following, alive = await self._workers.following(switch), await self._workers.alive()
            standing = Standing(switch, following, sorted(alive - following.keys()))
            if not standing.awaited or self._clock.monotonic() >= until:
                return standing
            await self._clock.sleep(_LOOK_AGAIN_S)

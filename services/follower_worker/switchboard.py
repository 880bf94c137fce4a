"""USE CASE which kill switches are in force, known to this worker the moment anybody tells it.

Three ways lead here: the notice, at once; the entry of the stream, in its place; the database, at the start and again
and again, for whatever got lost. The newest throw of a scope and name counts, whichever way it came. Each throw is
acknowledged, so that whoever threw it sees which workers follow it.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from services.follower_worker.flights import StrandKey
from services.follower_worker.metrics import Metrics
from shared.domain.switches import Action, Scope, Switch
from shared.ports import Clock

_REFRESH_S = 5.0
_MOST_ACKS = 1_000


class Switches(Protocol):
    """Where throws are written down. ConnectionError: it is away."""

    async def newest(self) -> Sequence[Switch]:
        """Return the newest throw of every scope and name, lifted ones too."""


class Acks(Protocol):
    """Where acknowledgements go."""

    async def acknowledge(self, switch: str, worker: str, at_ms: int) -> None:
        """Note that a worker follows a throw."""


class Switchboard:
    """The switches in force; asked before every opening, so it never blocks."""

    def __init__(
        self,
        switches: Switches,
        acks: Acks,
        worker: str,
        clock: Clock,
        metrics: Metrics,
        unreachable: tuple[type[Exception], ...],
    ) -> None:
        self._switches, self._acks, self._worker, self._clock, self._metrics = switches, acks, worker, clock, metrics
        self._unreachable = unreachable
        self._newest: dict[tuple[Scope, str], Switch] = {}
        self._in_force: list[Switch] = []
        self._unacknowledged: asyncio.Queue[Switch] = asyncio.Queue(_MOST_ACKS)

    def stopped(self, key: StrandKey) -> Switch | None:
        """Return the switch that lets a strand open nothing, or None."""
        if not self._in_force:
            return None
        return next((each for each in self._in_force if each.concerns(key.follower, key.leader, key.inst_id)), None)

    def hear(self, switch: Switch) -> None:
        """Follow a throw unless a newer one is known. Repeatable."""
        place = switch.scope, switch.name
        known = self._newest.get(place)
        if known is not None and known.made_ms >= switch.made_ms:
            return
        self._newest[place] = switch
        self._in_force = [each for each in self._newest.values() if each.action is not Action.LIFT]
        self._metrics.switches.set(len(self._in_force))
        structlog.get_logger().warning(
            "switch", scope=switch.scope.value, name=switch.name, action=switch.action.value, made_ms=switch.made_ms
        )
        if not self._unacknowledged.full():
            self._unacknowledged.put_nowait(switch)

    async def load(self) -> None:
        """Learn every switch that is written down; waits for the database, however long it takes."""
        while not await self._refresh():
            await self._clock.sleep(_REFRESH_S / 10)

    async def refresh_for_ever(self) -> None:
        """Look again and again for what no notice and no entry told us."""
        while True:
            await self._clock.sleep(_REFRESH_S)
            await self._refresh()

    async def _refresh(self) -> bool:
        try:
            for each in await self._switches.newest():
                self.hear(each)
        except ConnectionError as error:
            structlog.get_logger().warning("switches_not_read", reason=str(error))
            return False
        return True

    async def acknowledge_for_ever(self) -> None:
        """Say of each throw that it is followed, until that is heard."""
        while True:
            switch = await self._unacknowledged.get()
            while not await self._acknowledged(switch):
                await self._clock.sleep(_REFRESH_S / 10)

    async def _acknowledged(self, switch: Switch) -> bool:
        try:
            await self._acks.acknowledge(switch.id, self._worker, self._clock.now_ms())
        except self._unreachable:
            return False
        return True

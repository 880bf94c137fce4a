"""USE CASE keep every grant alive: due → claimed → renewed once → stored → announced.

A renewal kills the old pair at the venue the moment it is answered, so the new one is worth more than anything else
here: it is stored before anyone hears of it, over the version it was claimed for, and a database that is away is waited
for. If we die between the answer and the store, the next keeper's renewal is refused, and only then is the grant said
to need consent. A claim lasts longer than a renewal may take, and a keeper paused for most of it sends nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol
from zlib import crc32

import structlog

from services.token_keeper.metrics import Metrics
from shared.domain.grants import GrantKind, GrantLife, GrantStatus, consent_ends_ms, is_due
from shared.domain.ids import AccountId
from shared.messages.notices import GrantChange, GrantNotice
from shared.ports import Clock
from shared.vault.credentials import GrantRefused, RefreshPostponed, RefreshUnanswered, Renewal, TokenPair
from shared.vault.secret import CannotOpen

_STORE_PAUSE_S = 0.2
_FORECAST_MS = 24 * 3_600_000
"""How far ahead lost consents are foretold."""


class KeptGrants(Protocol):
    """Grants as they are stored. ConnectionError from any of them: the store is away, nothing was changed."""

    async def lives(self) -> Mapping[AccountId, GrantLife]:
        """Return what is known of every grant."""

    async def renewable(self, now_ms: int) -> Sequence[GrantLife]:
        """Return live OAuth grants that nobody has claimed."""

    async def claim(self, life: GrantLife, claimant: str, now_ms: int, until_ms: int) -> bool:
        """Take the right to renew this version; False if somebody has it."""

    async def open_pair(self, life: GrantLife) -> tuple[str, TokenPair] | None:
        """Open this version's pair, with its site; None if the grant has moved on. Raises CannotOpen."""

    async def store(self, life: GrantLife, pair: TokenPair, now_ms: int) -> GrantLife | None:
        """Write the pair that renews this version, durably; None if the grant has moved on."""

    async def defer(self, life: GrantLife, claimant: str, until_ms: int) -> bool:
        """End our claim; nobody tries again before `until_ms`."""

    async def mark(self, life: GrantLife, status: GrantStatus, why: str) -> bool:
        """Say that this version is dead; False if the grant has moved on."""


class Notices(Protocol):
    """Where others hear of changes at once; a hint only, so a failure of it is its own affair."""

    async def announce(self, notice: GrantNotice) -> None:
        """Tell everyone who keeps the account's grant in memory. Never raises for the bus's sake."""


@dataclass(frozen=True, slots=True)
class Policy:
    """When and how fast to renew; times in milliseconds."""

    fraction: Decimal
    claim_ms: int
    answer_ms: int
    retry_ms: int
    at_once: int
    refresh_life_ms: int = 259_200_000
    """How long a refresh token lives: three days."""


class Keeping:
    """One keeper; any number may run on one store."""

    def __init__(
        self,
        name: str,
        grants: KeptGrants,
        venue: Renewal,
        notices: Notices,
        clock: Clock,
        metrics: Metrics,
        policy: Policy,
    ) -> None:
        self._name, self._grants, self._venue, self._notices = name, grants, venue, notices
        self._clock, self._metrics, self._policy = clock, metrics, policy
        self._rejected: dict[AccountId, int] = {}
        self._wake = asyncio.Event()
        self.last_round_s: float | None = None
        """When the last whole round ended, on the monotonic clock."""

    def hear(self, notice: GrantNotice) -> None:
        """Renew a version at once that the venue no longer accepts, however long it was to live. Idempotent."""
        if notice.change is GrantChange.REJECTED:
            self._rejected[AccountId(notice.account)] = notice.version
            self._wake.set()

    async def run(self, stopping: asyncio.Event, interval_s: float) -> None:
        """Renew round after round until told to stop; finishes the round in hand, waits out a store that is away."""
        while not stopping.is_set():
            try:
                await self.round()
            except ConnectionError as error:
                self._metrics.failed_rounds.inc()
                structlog.get_logger().warning("keeper_round_failed", reason=str(error))
            await self._pause(stopping, interval_s)

    async def round(self) -> int:
        """Renew everything that is due and return how many new pairs were stored.

        Raises:
            ConnectionError: the store was away before anything was renewed.
        """
        now_ms = self._clock.now_ms()
        rejected, self._rejected = self._rejected, {}
        due = [life for life in await self._grants.renewable(now_ms) if self._is_due(life, now_ms, rejected)]
        waiting = iter(due)
        renewed = 0

        async def renew_some() -> None:
            nonlocal renewed
            for life in waiting:
                stored = await self._renew(life)
                renewed += stored

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._policy.at_once, len(due))):
                group.create_task(renew_some())
        await self._count()
        self.last_round_s = self._clock.monotonic()
        return renewed

    def _is_due(self, life: GrantLife, now_ms: int, rejected: Mapping[AccountId, int]) -> bool:
        if rejected.get(life.account) == life.version:
            return life.kind is GrantKind.OAUTH and life.status is GrantStatus.LIVE
        return is_due(life, now_ms, self._policy.fraction, jitter_of(life))

    async def _pause(self, stopping: asyncio.Event, seconds: float) -> None:
        """Wait for time, for a rejected grant or for the end, whichever comes first."""
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(each) for each in (self._clock.sleep(seconds), _set(stopping), _set(self._wake))]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for each in waits:
                each.cancel()
        self._wake.clear()

    async def _renew(self, life: GrantLife) -> bool:
        try:
            outcome = await self._claimed(life)
        except ConnectionError as error:
            outcome = "store_away"
            structlog.get_logger().warning("refresh_not_begun", account=life.account, reason=str(error))
        self._metrics.refreshes.labels(outcome).inc()
        return outcome == "stored"

    async def _claimed(self, life: GrantLife) -> str:
        began, now_ms = self._clock.monotonic(), self._clock.now_ms()
        if not await self._grants.claim(life, self._name, now_ms, now_ms + self._policy.claim_ms):
            return "taken"
        try:
            opened = await self._grants.open_pair(life)
        except CannotOpen as error:
            return await self._put_off(life, "unopened", str(error))
        if opened is None:
            return "moved_on"
        spent_ms = (self._clock.monotonic() - began) * 1_000
        if spent_ms > self._policy.claim_ms - self._policy.answer_ms:
            return await self._put_off(life, "too_slow", f"{spent_ms:.0f} ms passed before the renewal could be sent")
        return await self._ask(life, *opened)

    async def _ask(self, life: GrantLife, site: str, pair: TokenPair) -> str:
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._policy.answer_ms / 1_000):
                renewed = await self._venue.refresh(site, pair)
        except GrantRefused as refusal:
            return await self._bury(life, refusal)
        except RefreshPostponed as error:
            return await self._put_off(life, "postponed", str(error))
        except (RefreshUnanswered, TimeoutError) as error:
            return await self._put_off(life, "unanswered", str(error) or "no answer in time")
        self._metrics.refresh_seconds.observe(self._clock.monotonic() - began)
        return await self._keep(life, renewed)

    async def _keep(self, life: GrantLife, pair: TokenPair) -> str:
        stored = await self._stored_surely(life, pair)
        if stored is None:
            return "moved_on"
        await self._notices.announce(GrantNotice(life.account, stored.version, GrantChange.REFRESHED))
        structlog.get_logger().info("grant_refreshed", account=life.account, version=stored.version)
        return "stored"

    async def _stored_surely(self, life: GrantLife, pair: TokenPair) -> GrantLife | None:
        """Store a pair however long the store is away: there is no other copy of it."""
        while True:
            try:
                return await self._grants.store(life, pair, self._clock.now_ms())
            except ConnectionError as error:
                structlog.get_logger().error("pair_not_stored_yet", account=life.account, reason=str(error))
                with self._metrics.unstored.track_inprogress():
                    await self._clock.sleep(_STORE_PAUSE_S)

    async def _bury(self, life: GrantLife, refusal: GrantRefused) -> str:
        if not await self._grants.mark(life, GrantStatus.NEEDS_CONSENT, str(refusal)):
            return "moved_on"
        structlog.get_logger().error("grant_needs_consent", account=life.account, reason=str(refusal))
        await self._notices.announce(GrantNotice(life.account, life.version, GrantChange.DEAD))
        return "refused"

    async def _put_off(self, life: GrantLife, outcome: str, why: str) -> str:
        await self._grants.defer(life, self._name, self._clock.now_ms() + self._policy.retry_ms)
        structlog.get_logger().warning("refresh_put_off", account=life.account, outcome=outcome, reason=why)
        return outcome

    async def _count(self) -> None:
        lives = (await self._grants.lives()).values()
        counted = Counter(life.status for life in lives)
        for status in GrantStatus:
            self._metrics.grants.labels(status.value).set(counted[status])
        mortal = [life.expires_ms for life in lives if life.kind is GrantKind.OAUTH and life.status is GrantStatus.LIVE]
        first_ms = min(mortal, default=None)
        left_s = float("inf") if first_ms is None else (first_ms - self._clock.now_ms()) / 1_000
        self._metrics.seconds_to_death.set(left_s)
        live = [life for life in lives if life.status is GrantStatus.LIVE]
        ends = [consent_ends_ms(life, self._policy.refresh_life_ms) for life in live]
        soon_ms = self._clock.now_ms() + _FORECAST_MS
        self._metrics.consents_ending.set(sum(end is not None and end <= soon_ms for end in ends))


def jitter_of(life: GrantLife) -> Decimal:
    """Spread renewals: a fraction in 0..1 that is the same for every keeper and another for every version."""
    return Decimal(crc32(f"{life.account}:{life.version}".encode())) / 2**32


async def _set(event: asyncio.Event) -> None:
    await event.wait()

"""Every grant is renewed in time, by one keeper, once; and a pair is never lost between the venue and the store."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.token_keeper.keeping import Keeping, Policy, jitter_of
from services.token_keeper.metrics import Metrics
from shared.domain.grants import GrantKind, GrantLife, GrantStatus
from shared.domain.ids import AccountId
from shared.messages.notices import GrantChange, GrantNotice
from shared.store.accounts import Account, Accounts
from shared.store.engine import Database
from shared.store.grants import Consent, Grants
from shared.store.migrate import migrate
from shared.telemetry.metrics import Meter
from shared.vault.credentials import RefreshPostponed, RefreshUnanswered, TokenPair
from shared.vault.seal import Vault
from shared.vault.secret import CannotOpen
from tests.support.clock import FakeClock
from tests.support.memory_store import MemoryAccounts, MemoryGrants, MemoryRows
from tests.support.rotating_venue import LIFE_MS, RotatingVenue
from tests.support.waiting import until

ALICE = AccountId("alice")
POLICY = Policy(Decimal("0.7"), claim_ms=20_000, answer_ms=5_000, retry_ms=5_000, at_once=4)


class Told:
    """Hears notices, and looks at the store in that very moment."""

    def __init__(self, rows: MemoryRows) -> None:
        self._rows = rows
        self.heard: list[tuple[str, int, GrantChange]] = []
        self.stored_then: list[int] = []

    async def announce(self, notice: GrantNotice) -> None:
        self.heard.append((notice.account, notice.version, notice.change))
        self.stored_then.append(self._rows.grants[AccountId(notice.account)].life.version)


@dataclass
class House:
    rows: MemoryRows = field(default_factory=MemoryRows)
    clock: FakeClock = field(default_factory=lambda: FakeClock(auto=True))
    venue: RotatingVenue = field(default_factory=RotatingVenue)
    meter: Meter = field(default_factory=lambda: Meter("token_keeper"))

    def __post_init__(self) -> None:
        self.grants = MemoryGrants(self.rows)
        self.told = Told(self.rows)
        self.metrics = Metrics(self.meter)

    async def enrol(self, *accounts: AccountId) -> None:
        await MemoryAccounts(self.rows).save([Account(each, "www", each, each, leads=False) for each in accounts], 0)
        await self.grants.put([Consent(each, self.venue.consent(each)) for each in accounts], self.clock.now_ms())

    def keeper(self, name: str = "keeper-a", *, venue: Any = None, grants: Any = None) -> Keeping:
        return Keeping(name, grants or self.grants, venue or self.venue, self.told, self.clock, self.metrics, POLICY)

    def life(self, account: AccountId = ALICE) -> GrantLife:
        return self.rows.grants[account].life

    def counted(self, outcome: str) -> float:
        value = self.meter.registry.get_sample_value("slipstream_grant_refreshes_total", {"outcome": outcome})
        return value or 0.0


@pytest.fixture
async def house() -> House:
    house = House()
    await house.enrol(ALICE)
    return house


async def grow_old(house: House, fraction: float = 0.9) -> None:
    await house.clock.sleep(LIFE_MS * fraction / 1_000)


async def test_a_young_grant_is_left_alone(house: House) -> None:
    await grow_old(house, 0.59)

    assert await house.keeper().round() == 0
    assert house.life().version == 1


async def test_an_old_grant_is_renewed_stored_and_only_then_announced(house: House) -> None:
    await grow_old(house)

    assert await house.keeper().round() == 1

    assert (house.life().version, house.life().status) == (2, GrantStatus.LIVE)
    assert house.told.heard == [(ALICE, 2, GrantChange.REFRESHED)]
    assert house.told.stored_then == [2]
    assert house.counted("stored") == 1


async def test_grants_issued_together_are_not_renewed_together() -> None:
    house = House()
    accounts = [AccountId(f"follower-{number}") for number in range(200)]
    await house.enrol(*accounts)

    renewed = []
    for fraction in (0.60, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02):
        await grow_old(house, fraction)
        renewed.append(await house.keeper().round())

    assert sum(renewed) == 200
    assert max(renewed) < 100
    assert all(count == 1 for count in house.venue.asked.values())


async def test_two_keepers_at_once_renew_each_grant_once() -> None:
    house = House()
    await house.enrol(*(AccountId(f"follower-{number}") for number in range(50)))
    await grow_old(house)

    counts = await asyncio.gather(*(house.keeper(f"keeper-{name}").round() for name in "abc"))

    assert sum(counts) == 50
    assert max(house.venue.asked.values()) == 1


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def closing() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def test_keepers_with_databases_of_their_own_on_one_file_renew_each_grant_once(
    tmp_path: Path, closing: AsyncExitStack
) -> None:
    """Each has its own engine and connections, as processes have; only the file is shared."""
    house, url, vault = House(), f"sqlite+aiosqlite:///{tmp_path}/slipstream.db", Vault([bytes(32)])
    databases = [await closing.enter_async_context(opened(url)) for _ in range(3)]
    await migrate(databases[0])
    accounts = [AccountId(f"follower-{number}") for number in range(30)]
    await Accounts(databases[0]).save([Account(each, "www", each, each, leads=False) for each in accounts], 0)
    await Grants(databases[0], vault).put([Consent(each, house.venue.consent(each)) for each in accounts], 0)

    class Silent:
        async def announce(self, notice: GrantNotice) -> None:
            assert notice.version == 2

    keepers = [
        Keeping(f"keeper-{number}", Grants(database, vault), house.venue, Silent(), FakeClock(), house.metrics, POLICY)
        for number, database in enumerate(databases)
    ]
    counts = await asyncio.gather(*(keeper.round() for keeper in keepers))

    assert sum(counts) == 30
    assert max(house.venue.asked.values()) == 1
    assert {life.version for life in (await Grants(databases[0], vault).lives()).values()} == {2}


class CutOff(Exception):
    """The process dies here."""


async def test_a_crash_between_answer_and_store_ends_in_needs_consent(house: House) -> None:
    """The venue has killed the old pair and the new one died with us: only the owner can help, and must be told."""
    await grow_old(house)

    def die() -> None:
        raise CutOff

    house.venue.before_answer = die
    with pytest.raises(ExceptionGroup):
        await house.keeper("keeper-a").round()
    house.venue.before_answer = lambda: None
    assert house.life().status is GrantStatus.LIVE
    assert await house.keeper("keeper-b").round() == 0, "the dead keeper's claim still stands"

    await house.clock.sleep(POLICY.claim_ms / 1_000)
    assert await house.keeper("keeper-b").round() == 0

    assert house.life().status is GrantStatus.NEEDS_CONSENT
    assert "53005" in house.rows.grants[ALICE].why
    assert house.told.heard == [(ALICE, 1, GrantChange.DEAD)]
    assert house.counted("refused") == 1


async def test_a_keeper_that_was_late_with_a_good_pair_still_wins(house: House) -> None:
    """Refused, because another keeper's renewal got there first: its pair must survive our mark."""
    await grow_old(house)
    life = house.life()
    renewed = await house.venue.refresh("www", house.rows.grants[ALICE].secrets)  # type: ignore[arg-type]  # an OAuth pair

    await house.keeper().round()
    assert house.life().status is GrantStatus.NEEDS_CONSENT

    assert await house.grants.store(life, renewed, house.clock.now_ms()) is not None
    assert house.life().status is GrantStatus.LIVE


class Away:
    """Grants whose store is away for some calls of one method."""

    def __init__(self, grants: MemoryGrants, method: str, times: int) -> None:
        self._grants, self._method, self.left = grants, method, times

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self._grants, name)

        async def call(*arguments: Any) -> Any:
            if name == self._method and self.left:
                self.left -= 1
                raise ConnectionError("database is locked")
            return await found(*arguments)

        return call


async def test_a_new_pair_waits_for_a_database_that_is_away(house: House) -> None:
    await grow_old(house)
    away = Away(house.grants, "store", 25)

    assert await house.keeper(grants=away).round() == 1

    assert away.left == 0
    assert (house.life().version, house.life().status) == (2, GrantStatus.LIVE)
    assert sum(house.venue.asked.values()) == 1


async def test_a_database_away_before_the_claim_costs_nothing_but_time(house: House) -> None:
    await grow_old(house)

    assert await house.keeper(grants=Away(house.grants, "claim", 1)).round() == 0
    assert house.counted("store_away") == 1
    assert await house.keeper().round() == 1


async def test_rounds_go_on_after_one_that_the_database_cut_short(house: House) -> None:
    await grow_old(house)
    stopping = asyncio.Event()
    keeper = house.keeper(grants=Away(house.grants, "renewable", 3))

    async with asyncio.TaskGroup() as group:
        group.create_task(keeper.run(stopping, interval_s=5))
        while house.life().version == 1:
            await asyncio.sleep(0)
        stopping.set()

    assert house.meter.registry.get_sample_value("slipstream_keeper_rounds_failed_total") == 3


class Failing:
    """A venue that answers a renewal with one error."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.asked = 0

    async def refresh(self, site: str, pair: TokenPair) -> TokenPair:
        del site, pair
        self.asked += 1
        raise self._error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (RefreshPostponed("too many requests"), "postponed"),
        (RefreshPostponed("53014: our address is not on the partner's list"), "postponed"),
        (RefreshUnanswered("HTTP 502"), "unanswered"),
    ],
)
async def test_a_renewal_that_failed_without_a_verdict_is_tried_again_later_and_kills_nothing(
    house: House, error: Exception, outcome: str
) -> None:
    await grow_old(house)
    venue = Failing(error)

    for _ in range(3):
        await house.keeper(venue=venue).round()
    assert venue.asked == 1
    assert house.counted(outcome) == 1
    assert house.life().status is GrantStatus.LIVE

    await house.clock.sleep(POLICY.retry_ms / 1_000)
    assert await house.keeper().round() == 1


async def test_a_venue_that_never_answers_is_given_up_before_the_claim_ends(house: House) -> None:
    class Silence:
        async def refresh(self, site: str, pair: TokenPair) -> TokenPair:
            del site, pair
            await asyncio.Event().wait()
            raise AssertionError("never")

    await grow_old(house)
    short = replace(POLICY, answer_ms=10)

    await Keeping("a", house.grants, Silence(), house.told, house.clock, house.metrics, short).round()

    assert house.counted("unanswered") == 1


async def test_a_keeper_paused_for_most_of_its_claim_sends_nothing(house: House) -> None:
    """After the claim another keeper may be renewing: a late request would kill its pair."""
    await grow_old(house)

    class Slow(MemoryGrants):
        async def open_pair(self, life: GrantLife) -> tuple[str, TokenPair] | None:
            await house.clock.sleep(16)
            return await super().open_pair(life)

    await house.keeper(grants=Slow(house.rows)).round()

    assert house.venue.asked.total() == 0
    assert house.counted("too_slow") == 1


async def test_a_pair_that_does_not_open_is_put_off_and_named(house: House) -> None:
    await grow_old(house)

    class Sealed(MemoryGrants):
        async def open_pair(self, life: GrantLife) -> tuple[str, TokenPair] | None:
            raise CannotOpen(f"grants of {life.account}: sealed with another key")

    await house.keeper(grants=Sealed(house.rows)).round()

    assert house.counted("unopened") == 1
    assert house.life().status is GrantStatus.LIVE


async def test_a_version_the_venue_no_longer_accepts_is_renewed_before_its_time(house: House) -> None:
    """A token may die long before it was to: its follower must not wait for the schedule."""
    keeper, before = house.keeper(), house.life()
    assert await keeper.round() == 0
    keeper.hear(GrantNotice(ALICE, before.version, GrantChange.REJECTED))
    assert await keeper.round() == 1
    assert house.life().version == before.version + 1


@pytest.mark.parametrize("notice", [(0, GrantChange.REJECTED), (1, GrantChange.REFRESHED), (1, GrantChange.DEAD)])
async def test_a_complaint_of_another_version_and_other_notices_renew_nothing(
    house: House, notice: tuple[int, GrantChange]
) -> None:
    keeper, (ahead, change) = house.keeper(), notice
    keeper.hear(GrantNotice(ALICE, house.life().version - 1 + ahead, change))
    assert await keeper.round() == 0


async def test_a_complaint_ends_the_pause_between_rounds() -> None:
    house = House(clock=FakeClock())
    await house.enrol(ALICE)
    keeper, stopping, before = house.keeper(), asyncio.Event(), house.life()
    running = asyncio.ensure_future(keeper.run(stopping, 3_600))
    await until(lambda: keeper.last_round_s is not None)
    keeper.hear(GrantNotice(ALICE, before.version, GrantChange.REJECTED))
    await until(lambda: house.life().version == before.version + 1)
    stopping.set()
    await running


async def test_the_first_death_and_the_dead_are_shown(house: House) -> None:
    other = AccountId("bob")
    await house.enrol(ALICE, other)
    await house.grants.mark(house.life(other), GrantStatus.REVOKED, "53003")
    await grow_old(house, 0.5)

    await house.keeper().round()

    sample = house.meter.registry.get_sample_value
    assert sample("slipstream_grant_death_seconds") == LIFE_MS / 2 / 1_000
    assert sample("slipstream_grants_count", {"kind": "live"}) == 1
    assert sample("slipstream_grants_count", {"kind": "revoked"}) == 1


def test_jitter_is_spread_and_the_same_for_every_keeper() -> None:
    life = GrantLife(ALICE, GrantKind.OAUTH, 1, GrantStatus.LIVE, 0, 1)

    spread = {jitter_of(replace(life, version=version)) for version in range(100)}

    assert jitter_of(life) == jitter_of(life)
    assert len(spread) == 100
    assert all(0 <= jitter < 1 for jitter in spread)

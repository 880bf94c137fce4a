"""What happens lies in the outbox of whoever wants it, once, from the moment it asked on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.portal.hooks.happenings import Happening, Kind, of_outcome
from services.portal.hooks.outbox import Gathering, Source, Wanting
from shared.domain.grants import GrantKind, GrantLife, GrantStatus
from shared.domain.ids import AccountId, EntryId, entry_order
from shared.domain.subscriptions import Subscription
from shared.messages.outcome import HopTimes, OutcomeKind, OutcomeV1, encode
from tests.support.builders import NOON_MS, subscription
from tests.support.clock import FakeClock

ANNA = AccountId("anna")
EVERYTHING = frozenset(each.value for each in Kind)
REFRESH_LIFE_MS = 3 * 86_400_000


@dataclass
class World:
    hooks: list[Wanting] = field(default_factory=list)
    stream: list[tuple[EntryId, bytes]] = field(default_factory=list)
    grants: dict[AccountId, GrantLife] = field(default_factory=dict)
    versions: list[Subscription] = field(default_factory=list)
    laid: dict[tuple[str, str], Happening] = field(default_factory=dict)
    at: dict[Source, EntryId] = field(default_factory=dict)
    left: list[tuple[AccountId, int]] = field(default_factory=list)
    reads: int = 0
    meanwhile: list[Wanting] = field(default_factory=list)
    """Webhooks made while the stream is read."""

    async def wanting(self) -> Sequence[Wanting]:
        return self.hooks

    async def place(self, source: Source) -> EntryId | None:
        return self.at.get(source)

    async def lay(
        self, happenings: Sequence[tuple[str, Happening]], now_ms: int, source: Source, place: EntryId | None
    ) -> None:
        del now_ms
        for hook, each in happenings:
            self.laid.setdefault((hook, each.id), each)
        if place:
            self.at[source] = place

    async def lives(self) -> Mapping[AccountId, GrantLife]:
        return self.grants

    async def changed_since(self, at_ms: int) -> Sequence[Subscription]:
        return [each for each in self.versions if each.made_ms >= at_ms]

    async def left_since(self, at_ms: int) -> Sequence[tuple[AccountId, int]]:
        return [each for each in self.left if each[1] >= at_ms]

    async def prune(self, before_ms: int) -> int:
        del before_ms
        return 0

    async def after(self, entry: EntryId, count: int) -> Sequence[tuple[EntryId, bytes]]:
        self.reads += 1
        self.hooks += self.meanwhile
        return [row for row in self.stream if entry_order(row[0]) > entry_order(entry)][:count]

    def kinds(self, hook: str = "wh_1") -> list[str]:
        return [each.kind.value for (name, _), each in self.laid.items() if name == hook]


def gathering(world: World) -> Gathering:
    return Gathering(world, world, FakeClock(NOON_MS + 1_000), REFRESH_LIFE_MS, 1)


def outcome(number: int, kind: OutcomeKind = OutcomeKind.SETTLED) -> tuple[EntryId, bytes]:
    told = OutcomeV1(f"{number:032}", kind, NOON_MS + number, ANNA, "whale", "BTC-USDT-SWAP", "event", side="buy")
    return EntryId(f"{NOON_MS + number}-0"), encode(told)


def wanting(kinds: frozenset[str] = EVERYTHING, made_ms: int = NOON_MS, name: str = "wh_1") -> Wanting:
    return Wanting(name, kinds, made_ms)


async def test_without_a_webhook_nothing_is_read() -> None:
    world = World(stream=[outcome(1)])
    assert await gathering(world).gather() is False
    assert world.reads == 0


async def test_each_kind_of_outcome_reaches_those_who_want_it_once() -> None:
    world = World([wanting(), wanting(frozenset({"copy.failed"}), name="wh_2")])
    world.stream = [
        outcome(1, OutcomeKind.ACCEPTED),
        outcome(2, OutcomeKind.SETTLED),
        outcome(3, OutcomeKind.SKIPPED),
        outcome(4, OutcomeKind.REFUSED),
        (EntryId(f"{NOON_MS + 5}-0"), b"not one"),
    ]
    for _ in range(2):
        await gathering(world).gather()
    assert world.kinds() == ["copy.updated", "copy.made", "copy.skipped", "copy.failed"]
    assert world.kinds("wh_2") == ["copy.failed"]
    assert world.at[Source.OUTCOMES] == world.stream[-1][0]


async def test_a_webhook_is_told_nothing_from_before_it_was_made() -> None:
    world = World([wanting(made_ms=NOON_MS + 3)], [outcome(number) for number in range(1, 6)])
    await gathering(world).gather()
    assert [each.at_ms - NOON_MS for each in world.laid.values()] == [3, 4, 5]


async def test_a_page_that_is_full_says_that_there_is_more() -> None:
    world = World([wanting()], [outcome(number) for number in range(1, 502)])
    assert await gathering(world).gather() is True
    assert await gathering(world).gather() is False
    assert len(world.laid) == 501


async def test_a_grant_is_told_dead_or_dying_once_for_each_version() -> None:
    def life(account: str, status: GrantStatus, issued_ms: int, version: int = 1) -> GrantLife:
        return GrantLife(AccountId(account), GrantKind.OAUTH, version, status, issued_ms, issued_ms + 3_600_000)

    dying_ms = NOON_MS - REFRESH_LIFE_MS + 3_600_000
    world = World([wanting()])
    world.grants = {
        AccountId("well"): life("well", GrantStatus.LIVE, NOON_MS),
        AccountId("dying"): life("dying", GrantStatus.LIVE, dying_ms),
        AccountId("dead"): life("dead", GrantStatus.REVOKED, NOON_MS),
    }
    for _ in range(2):
        await gathering(world).gather()
    assert sorted((each.account, each.kind.value) for each in world.laid.values()) == [
        ("dead", "grant.dead"),
        ("dying", "grant.dying"),
    ]
    world.grants[AccountId("dead")] = life("dead", GrantStatus.NEEDS_CONSENT, NOON_MS, version=2)
    await gathering(world).gather()
    assert len(world.laid) == 3


async def test_a_changed_subscription_is_told_with_its_state() -> None:
    world = World([wanting()], versions=[subscription(version=2, made_ms=NOON_MS + 7)])
    await gathering(world).gather()
    (told,) = world.laid.values()
    assert (told.kind, told.data["version"], told.data["state"]) == (Kind.SUBSCRIPTION_CHANGED, 2, "active")


def test_what_is_told_of_a_copy_leaves_out_what_is_not_known() -> None:
    told = OutcomeV1(
        "1" * 32, OutcomeKind.SKIPPED, NOON_MS, ANNA, "whale", "BTC-USDT-SWAP", "event", reason="stale",
        hops=HopTimes(filled_ms=5),
    )  # fmt: skip
    data = of_outcome(EntryId("1-0"), told).data
    assert (data["reason"], data["hops"]) == ("stale", {"filled_ms": 5})
    assert not {"price", "order_id", "code"} & data.keys()


async def test_a_webhook_made_while_the_stream_is_read_misses_nothing() -> None:
    world = World([wanting()], [outcome(1), outcome(2)], meanwhile=[wanting(name="wh_2")])
    await gathering(world).gather()
    assert len(world.kinds("wh_2")) == 2


async def test_however_many_versions_are_made_at_once_each_is_told() -> None:
    world = World([wanting()])
    world.versions = [subscription(follower=f"follower-{number}", made_ms=NOON_MS + 5) for number in range(2_000)]
    await gathering(world).gather()
    assert len(world.laid) == 2_000


async def test_who_has_left_is_told_although_nothing_of_its_grant_is_left() -> None:
    world = World([wanting()], left=[(ANNA, NOON_MS + 5)])
    for _ in range(2):
        await gathering(world).gather()
    (told,) = world.laid.values()
    assert (told.kind, told.account, told.data) == (Kind.GRANT_DEAD, ANNA, {"status": "disconnected"})

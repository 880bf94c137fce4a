"""The one file where a portal's clients are built and handed over."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from services.portal.applicants import Applicant, Known, Member, Pair
from services.portal.enrolling import ChangedMeanwhile, Enrolling
from services.portal.publishing import NotPublished, Publishing
from services.portal.settings import CommandSettings
from services.portal.subscribing import Subscribing
from services.portal.switching import Switching
from shared.bus.acks import SwitchAcks
from shared.bus.client import UNREACHABLE, open_redis
from shared.bus.keys import Keys
from shared.bus.notices import SwitchNotices
from shared.bus.streams import CommandPublisher, SubscriptionPublisher
from shared.bus.tail import OutcomeTail
from shared.clock import SystemClock
from shared.domain.ids import AccountId, EntryId
from shared.domain.subscriptions import Subscription
from shared.domain.switches import Switch
from shared.messages.entries import write_subscription, write_switch
from shared.store.accounts import Account, Accounts
from shared.store.audit import AuditLog, Deed
from shared.store.engine import Database
from shared.store.grants import Consent, Grants
from shared.store.migrate import migrate
from shared.store.subscriptions import Subscriptions, VersionTaken
from shared.store.switches import Switches
from shared.vault.seal import Vault, vault_from

_AT_ONCE = 32
"""Entries on their way to Redis at once: a server that syncs every write to disk then syncs several together."""


@dataclass(frozen=True, slots=True)
class Portal:
    """The portal's use cases, ready."""

    enrolling: Enrolling
    subscribing: Subscribing
    publishing: Publishing
    switching: Switching


class StoredRegistry:
    """enrolling.Registry over the store."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._accounts, self._grants = Accounts(database), Grants(database, vault)
        self._subscriptions = Subscriptions(database)

    async def known(self) -> Known:
        """Return everything stored but the secrets."""
        accounts, lives = await self._accounts.all(), await self._grants.lives()
        subscriptions = await self._subscriptions.all()
        return Known(
            {each.account: member_of(each) for each in accounts},
            {account: life.kind for account, life in lives.items()},
            {(each.follower, each.leader): each for each in subscriptions},
        )

    async def around(self, follower: AccountId, leader: AccountId) -> Known:
        """Return both accounts, and whom they follow, through however many others."""
        found: dict[Pair, Subscription] = {}
        seen, frontier = set[AccountId](), [follower, leader]
        while frontier:
            each = frontier.pop()
            if each not in seen:
                seen.add(each)
                followed = await self._subscriptions.of(each)
                found |= {(one.follower, one.leader): one for one in followed}
                frontier += [one.leader for one in followed]
        accounts = [await self._accounts.find(each) for each in (follower, leader)]
        lives = {each: await self._grants.life(each) for each in (follower, leader)}
        return Known(
            {each.account: member_of(each) for each in accounts if each},
            {account: life.kind for account, life in lives.items() if life},
            found,
        )

    async def add(
        self,
        members: Sequence[Member],
        grants: Sequence[Applicant],
        subscriptions: Sequence[Subscription],
        now_ms: int,
    ) -> None:
        """Write accounts, then sealed grants, then subscriptions, each all or none."""
        await self._accounts.save([account_of(each) for each in members], now_ms)
        consents = [Consent(each.member.account, each.secrets) for each in grants if each.secrets]
        await self._grants.put(consents, now_ms)
        try:
            await self._subscriptions.save(subscriptions, now_ms)
        except VersionTaken as error:
            raise ChangedMeanwhile(str(error)) from error


class StreamAnnouncer:
    """publishing.Announcer over the bus."""

    def __init__(self, publisher: SubscriptionPublisher) -> None:
        self._publisher = publisher

    async def announce(self, subscriptions: Sequence[Subscription]) -> int:
        """Add versions to the stream in the order given; returns how many are new."""
        added = 0
        for start in range(0, len(subscriptions), _AT_ONCE):
            messages = [write_subscription(each) for each in subscriptions[start : start + _AT_ONCE]]
            with _published():
                added += await self._publisher.publish(messages)
        return added


class StoredThrows:
    """switching.Throws over the store."""

    def __init__(self, database: Database) -> None:
        self._switches, self._accounts, self._audit = Switches(database), Accounts(database), AuditLog(database)

    async def put(self, switch: Switch, actor: str) -> None:
        """Write a throw down, and who did it."""
        await self._switches.put(switch)
        deed = Deed(actor, "switch", f"{switch.scope.value}:{switch.name}", {"action": switch.action.value})
        await self._audit.append(deed, switch.made_ms)

    async def knows(self, account: AccountId) -> bool:
        """Tell whether there is an account of that name."""
        return await self._accounts.find(account) is not None

    async def newest(self) -> Sequence[Switch]:
        """Return the newest throw of every scope and name."""
        return await self._switches.newest()

    async def unpublished(self) -> Sequence[Switch]:
        """Return throws that are not in the stream."""
        return await self._switches.unpublished()

    async def mark_published(self, published: Sequence[Switch], now_ms: int) -> None:
        """Remember that throws are in the stream."""
        await self._switches.mark_published(published, now_ms)


class FollowingWorkers:
    """switching.Workers over the bus."""

    def __init__(self, commands: CommandPublisher, notices: SwitchNotices, acks: SwitchAcks) -> None:
        self._commands, self._notices, self._acks = commands, notices, acks

    async def tell(self, switch: Switch) -> None:
        """Put a throw into the stream, and say so."""
        with _published():
            await self._commands.publish([write_switch(switch)])
            await self._notices.announce(switch)

    async def following(self, switch: Switch) -> Mapping[str, int]:
        """Return since when each worker follows a throw."""
        with _published():
            return await self._acks.acknowledged(switch.id)

    async def alive(self) -> set[str]:
        """Return the workers that run."""
        with _published():
            return await self._acks.workers()


class FollowedOutcomes:
    """live.Tail and outbox.Outcomes over the bus."""

    def __init__(self, tail: OutcomeTail) -> None:
        self._tail = tail

    async def last(self) -> EntryId:
        """Return the id of the newest entry."""
        with _published():
            return await self._tail.last()

    async def after(self, entry: EntryId, count: int, upto: str = "+") -> Sequence[tuple[EntryId, bytes]]:
        """Read entries after one, at once."""
        with _published():
            return await self._tail.after(entry, count, upto)

    async def follow(self, entry: EntryId, count: int, block_ms: int) -> Sequence[tuple[EntryId, bytes]]:
        """Read entries after one, waiting a while for the first."""
        with _published():
            return await self._tail.follow(entry, count, block_ms)


@contextmanager
def _published() -> Iterator[None]:
    try:
        yield
    except UNREACHABLE as error:
        raise NotPublished(f"Redis cannot be reached: {type(error).__name__}: {error}") from error


@asynccontextmanager
async def portal(settings: CommandSettings) -> AsyncIterator[Portal]:
    """Open store and bus, and close them at the end."""
    async with AsyncExitStack() as closing:
        database = Database(settings.database_url)
        closing.push_async_callback(database.close)
        await migrate(database)
        redis = open_redis(*settings.redis())
        closing.push_async_callback(redis.aclose)
        vault = vault_from(*settings.revealed_keys(), demo=settings.demo)
        yield opened(database, vault, redis, settings, SystemClock())


def opened(database: Database, vault: Vault, redis: Redis, settings: CommandSettings, clock: SystemClock) -> Portal:
    """Build the use cases over clients that are open."""
    keys = Keys(settings.installation)
    announcer = StreamAnnouncer(SubscriptionPublisher(redis, keys))
    publishing = Publishing(Subscriptions(database), announcer, clock)
    registry = StoredRegistry(database, vault)
    enrolling = Enrolling(registry, publishing, clock, settings.okx_allowed_sites)
    workers = FollowingWorkers(
        CommandPublisher(redis, keys), SwitchNotices(redis, keys, clock), SwitchAcks(redis, keys)
    )
    switching = Switching(StoredThrows(database), workers, clock)
    return Portal(enrolling, Subscribing(registry, publishing, clock), publishing, switching)


def member_of(account: Account) -> Member:
    """Read an account."""
    return Member(
        account=account.account,
        site=account.site,
        uid=account.uid,
        main_uid=account.main_uid,
        leads=account.leads,
        account_level=account.account_level,
        position_mode=account.position_mode,
        label=account.label,
        applied=account.applied,
    )


def account_of(member: Member) -> Account:
    """Spell an account."""
    return Account(
        account=member.account,
        site=member.site,
        uid=member.uid,
        main_uid=member.main_uid,
        leads=member.leads,
        account_level=member.account_level,
        position_mode=member.position_mode,
        label=member.label,
        applied=member.applied,
    )

"""Subscriptions: the newest version of each, every version there ever was, and which of them are not yet in the stream.

A version is first written here and then published; whoever dies between the two finds it among the unpublished ones.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import Row, Select, and_, select, tuple_, update

from shared.domain.ids import AccountId
from shared.domain.subscriptions import BelowMinimum, DriftPolicy, Ending, FixedRatio, Subscription, SubscriptionState
from shared.store.engine import Database
from shared.store.tables import subscription_versions, subscriptions

_SETTINGS = (
    "state",
    "ratio",
    "below_minimum",
    "max_age_ms",
    "slippage_cap",
    "max_order",
    "max_position",
    "drift",
    "ending",
)
_CHUNK = 500


class VersionTaken(Exception):
    """Somebody else changed the subscription meanwhile: read it again, decide again, save the next version."""


class Subscriptions:
    """Reads and writes subscriptions and their versions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, changed: Sequence[Subscription], now_ms: int) -> None:
        """Write the next version of each, all or none; each pair of follower and leader at most once.

        Raises:
            VersionTaken: a version is not the one after the stored one (the first is 1).
        """
        async with self._database.writing() as connection:
            stored = {
                (row.follower, row.leader): row.version
                for chunk in _chunks(changed)
                for row in await connection.execute(_of_pairs(chunk))
            }
            for each in changed:
                expected = stored.get((each.follower, each.leader), 0) + 1
                if each.version != expected:
                    raise VersionTaken(
                        f"version {each.version} of {each.follower} following {each.leader} cannot be saved;"
                        f" expected version {expected}: read the subscription again"
                    )
            rows = [_values(each) for each in changed]
            if rows:
                await connection.execute(subscription_versions.insert(), [{**row, "made": now_ms} for row in rows])
                await connection.execute(self._newest(), [{**row, "updated": now_ms} for row in rows])

    async def all(self) -> list[Subscription]:
        """Return the newest version of every subscription."""
        query = select(subscriptions).order_by(subscriptions.c.follower, subscriptions.c.leader)
        async with self._database.reading() as connection:
            return [_subscription(row, row.updated) for row in await connection.execute(query)]

    async def of(self, follower: AccountId) -> list[Subscription]:
        """Return the newest version of everything a follower follows."""
        query = select(subscriptions).where(subscriptions.c.follower == follower).order_by(subscriptions.c.leader)
        async with self._database.reading() as connection:
            return [_subscription(row, row.updated) for row in await connection.execute(query)]

    async def pages(self, size: int = 500) -> AsyncIterator[list[tuple[Subscription, Subscription | None]]]:
        """Yield every subscription's newest version with the one before it, in pages, by follower and leader."""
        newest, before = subscriptions, subscription_versions
        pair = tuple_(newest.c.follower, newest.c.leader)
        previous = and_(
            before.c.follower == newest.c.follower,
            before.c.leader == newest.c.leader,
            before.c.version == newest.c.version - 1,
        )
        last: tuple[str, str] = ("", "")
        while True:
            query = select(newest).where(pair > last).order_by(newest.c.follower, newest.c.leader).limit(size)
            async with self._database.reading() as connection:
                rows = (await connection.execute(query)).all()
                page = [(row.follower, row.leader) for row in rows]
                older = select(before).join(newest, previous).where(pair.in_(page))
                known = {(row.follower, row.leader): row for row in await connection.execute(older)} if page else {}
            if not rows:
                return
            last = page[-1]
            yield [(_subscription(row, row.updated), _before(known.get((row.follower, row.leader)))) for row in rows]

    async def find(self, follower: AccountId, leader: AccountId) -> Subscription | None:
        """Return the newest version of one subscription, or None."""
        table = subscriptions
        query = select(table).where(table.c.follower == follower, table.c.leader == leader)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _subscription(row, row.updated)

    async def unpublished(self, limit: int = 1_000) -> list[Subscription]:
        """Return versions that are not in the stream yet, in the order they were made."""
        table = subscription_versions
        query = select(table).where(table.c.published.is_(None)).order_by(table.c.made, table.c.version).limit(limit)
        async with self._database.reading() as connection:
            return [_subscription(row, row.made) for row in await connection.execute(query)]

    async def made_since(self, at_ms: int) -> list[Subscription]:
        """Return every version made since a moment, oldest first."""
        table = subscription_versions
        query = select(table).where(table.c.made >= at_ms).order_by(table.c.made, table.c.version)
        async with self._database.reading() as connection:
            return [_subscription(row, row.made) for row in await connection.execute(query)]

    async def mark_published(self, published: Sequence[Subscription], now_ms: int) -> None:
        """Remember that versions are in the stream. Repeating it changes nothing."""
        table = subscription_versions
        key = tuple_(table.c.follower, table.c.leader, table.c.version)
        async with self._database.writing() as connection:
            for chunk in _chunks(published):
                names = [(each.follower, each.leader, each.version) for each in chunk]
                statement = update(table).where(key.in_(names), table.c.published.is_(None))
                await connection.execute(statement.values(published=now_ms))

    def _newest(self) -> Any:  # noqa: ANN401 - either engine's own INSERT
        statement = self._database.upsert(subscriptions)
        changed = {name: statement.excluded[name] for name in (*_SETTINGS, "version", "updated")}
        return statement.on_conflict_do_update(index_elements=["follower", "leader"], set_=changed)


def _chunks(items: Sequence[Subscription]) -> list[Sequence[Subscription]]:
    return [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]


def _of_pairs(chunk: Sequence[Subscription]) -> Select[Any]:
    table = subscriptions
    pairs = [(each.follower, each.leader) for each in chunk]
    return select(table.c.follower, table.c.leader, table.c.version).where(
        tuple_(table.c.follower, table.c.leader).in_(pairs)
    )


def _values(subscription: Subscription) -> dict[str, Any]:
    return {
        "follower": subscription.follower,
        "leader": subscription.leader,
        "version": subscription.version,
        "state": subscription.state.value,
        "ratio": subscription.sizing.ratio,
        "below_minimum": subscription.below_minimum.value,
        "max_age_ms": subscription.max_age_ms,
        "slippage_cap": subscription.slippage_cap,
        "max_order": subscription.max_order,
        "max_position": subscription.max_position,
        "drift": subscription.drift.value,
        "ending": subscription.ending.value,
    }


def _before(row: Row[Any] | None) -> Subscription | None:
    return None if row is None else _subscription(row, row.made)


def _subscription(row: Row[Any], made_ms: int) -> Subscription:
    return Subscription(
        follower=AccountId(row.follower),
        leader=AccountId(row.leader),
        version=row.version,
        state=SubscriptionState(row.state),
        sizing=FixedRatio(row.ratio),
        below_minimum=BelowMinimum(row.below_minimum),
        max_age_ms=row.max_age_ms,
        slippage_cap=row.slippage_cap,
        max_order=row.max_order,
        max_position=row.max_position,
        drift=DriftPolicy(row.drift),
        ending=Ending(row.ending),
        made_ms=made_ms,
    )

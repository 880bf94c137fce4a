"""Webhooks and their outboxes: where to send, what waits, what was taken, what was given up."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import structlog
from sqlalchemy import and_, delete, func, or_, select, update

from shared.domain.ids import EntryId, entry_order
from shared.store.engine import Database
from shared.store.partner_tables import deliveries, webhook_places, webhooks
from shared.vault.seal import Place, Vault
from shared.vault.secret import CannotOpen, Secret

WAITING, DELIVERED, FAILED = "waiting", "delivered", "failed"
_SHOWN = ("id", "event", "kind", "account", "state", "tries", "due", "status", "error", "created", "finished")
_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to send what; `by` is the key it was made with."""

    id: str
    url: str
    kinds: tuple[str, ...]
    by: str
    made_ms: int


@dataclass(frozen=True, slots=True)
class Message:
    """Something to be laid into a webhook's outbox."""

    hook: str
    event: str
    kind: str
    account: str
    body: str

    @property
    def id(self) -> str:
        """Return its name: the same for the same event and webhook."""
        return "msg_" + blake2b(f"{self.hook}|{self.event}".encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Due:
    """A message whose time has come, with all it takes to send it."""

    id: str
    hook: str
    url: str
    secret: Secret
    body: str
    tries: int


class Webhooks:
    """Reads and writes webhooks and messages."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    async def add(self, hook: Webhook, secret: Secret) -> None:
        """Write a webhook down, its secret sealed."""
        row = {
            "id": hook.id,
            "url": hook.url,
            "kinds": list(hook.kinds),
            "made_by": hook.by,
            "made": hook.made_ms,
            "secret_sealed": self._vault.seal(secret, _place(hook.id)),
        }
        async with self._database.writing() as connection:
            await connection.execute(webhooks.insert(), row)

    async def all(self) -> list[Webhook]:
        """Return every webhook, oldest first."""
        query = select(webhooks).order_by(webhooks.c.made, webhooks.c.id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [Webhook(row.id, row.url, tuple(row.kinds), row.made_by, row.made) for row in rows]

    async def drop(self, hook: str) -> bool:
        """Forget a webhook and its messages; False if there was none."""
        async with self._database.writing() as connection:
            await connection.execute(delete(deliveries).where(deliveries.c.webhook == hook))
            return (await connection.execute(delete(webhooks).where(webhooks.c.id == hook))).rowcount == 1

    async def place(self, source: str) -> EntryId | None:
        """Return up to where everything of a source is laid out."""
        query = select(webhook_places.c.entry).where(webhook_places.c.stream == source)
        async with self._database.reading() as connection:
            found = (await connection.execute(query)).scalar_one_or_none()
        return None if found is None else EntryId(found)

    async def lay(
        self, messages: Sequence[Message], now_ms: int, source: str = "", place: EntryId | None = None
    ) -> int:
        """Lay messages out and move a source's place, in one transaction; returns how many are new. Repeatable."""
        rows = [
            {
                "id": each.id,
                "webhook": each.hook,
                "event": each.event,
                "kind": each.kind,
                "account": each.account,
                "body": each.body,
                "state": WAITING,
                "tries": 0,
                "due": now_ms,
                "created": now_ms,
            }
            for each in messages
        ]
        statement, new = self._database.upsert(deliveries).on_conflict_do_nothing(), 0
        async with self._database.writing() as connection:
            for start in range(0, len(rows), _CHUNK):
                new += (await connection.execute(statement.values(rows[start : start + _CHUNK]))).rowcount
            if place is not None:
                query = select(webhook_places.c.entry).where(webhook_places.c.stream == source)
                known = (await connection.execute(query)).scalar_one_or_none()
                if known is None or entry_order(EntryId(known)) < entry_order(place):
                    moved = self._database.upsert(webhook_places).values(stream=source, entry=place)
                    await connection.execute(
                        moved.on_conflict_do_update(index_elements=["stream"], set_={"entry": place})
                    )
        return new

    async def due(self, now_ms: int, per_hook: int, most: int) -> list[Due]:
        """Return messages whose time has come, the oldest first, so many of each webhook at the most."""
        rank = func.row_number().over(partition_by=deliveries.c.webhook, order_by=(deliveries.c.due, deliveries.c.id))
        ready = select(deliveries.c.id, rank.label("rank")).where(
            deliveries.c.state == WAITING, deliveries.c.due <= now_ms
        )
        first = ready.subquery()
        query = (
            select(deliveries, webhooks.c.url, webhooks.c.secret_sealed)
            .join(first, first.c.id == deliveries.c.id)
            .join(webhooks, webhooks.c.id == deliveries.c.webhook)
            .where(first.c.rank <= per_hook)
            .order_by(deliveries.c.due)
            .limit(most)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        opened = {row.webhook: self._opened(row.webhook, row.secret_sealed) for row in rows}
        return [
            Due(row.id, row.webhook, row.url, secret, row.body, row.tries)
            for row in rows
            if (secret := opened[row.webhook]) is not None
        ]

    async def claim(self, message: str, tries: int, until_ms: int) -> bool:
        """Take a message that has had so many tries, until a moment; False if somebody else did."""
        return await self._changes(_claimed(message, tries).values(tries=tries + 1, due=until_ms))

    async def finish(self, message: str, tries: int, state: str, status: int, error: str, now_ms: int) -> bool:
        """Note that a message was taken, or is given up, by its last try; False if it was claimed again since."""
        facts = {"state": state, "status": status or None, "error": error or None, "finished": now_ms}
        return await self._changes(_claimed(message, tries).values(**facts))

    async def put_off(self, message: str, tries: int, error: str, due_ms: int) -> bool:
        """Note why a message was not taken, and when to try again; False if it was claimed again since."""
        return await self._changes(_claimed(message, tries).values(error=error, due=due_ms))

    async def shown(
        self, hook: str, most: int, before: tuple[int, str] | None, state: str | None
    ) -> list[dict[str, Any]]:
        """Return messages of a webhook that lie before a place, newest first, without their bodies."""
        query = select(*(deliveries.c[name] for name in _SHOWN)).where(deliveries.c.webhook == hook)
        if before is not None:
            at, name = before
            same = and_(deliveries.c.created == at, deliveries.c.id < name)
            query = query.where(or_(deliveries.c.created < at, same))
        if state is not None:
            query = query.where(deliveries.c.state == state)
        query = query.order_by(deliveries.c.created.desc(), deliveries.c.id.desc()).limit(most)
        async with self._database.reading() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def replay(self, hook: str, since_ms: int | None, now_ms: int) -> int:
        """Send again what was given up, or everything since a moment; returns how many."""
        wanted = deliveries.c.state == FAILED if since_ms is None else deliveries.c.created >= since_ms
        statement = update(deliveries).where(deliveries.c.webhook == hook, wanted)
        again = statement.values(state=WAITING, tries=0, due=now_ms, finished=None)
        async with self._database.writing() as connection:
            return (await connection.execute(again)).rowcount

    async def backlog(self, now_ms: int) -> tuple[int, int]:
        """Return how many messages wait, and for how many milliseconds the oldest has."""
        query = select(func.count(), func.min(deliveries.c.created)).where(deliveries.c.state == WAITING)
        async with self._database.reading() as connection:
            count, oldest = (await connection.execute(query)).one()
        return count, 0 if oldest is None else max(0, now_ms - oldest)

    async def prune(self, before_ms: int) -> int:
        """Forget what was finished before a moment."""
        done = or_(deliveries.c.state == DELIVERED, deliveries.c.state == FAILED)
        # What is told of grants is known again by its row: gone, it would be told again.
        done = and_(done, deliveries.c.kind.not_like("grant.%"))
        async with self._database.writing() as connection:
            return (
                await connection.execute(delete(deliveries).where(done, deliveries.c.finished < before_ms))
            ).rowcount

    def _opened(self, hook: str, sealed: bytes) -> Secret | None:
        """Open a webhook's secret; one that does not open is logged, and keeps no other from being told."""
        try:
            return self._vault.open(sealed, _place(hook))
        except CannotOpen as error:
            structlog.get_logger().error("webhook_not_opened", hook=hook, reason=str(error))
            return None

    async def _changes(self, statement: Any) -> bool:  # noqa: ANN401 - any update
        async with self._database.writing() as connection:
            return bool((await connection.execute(statement)).rowcount == 1)


def spell(told: dict[str, Any]) -> str:
    """Spell a body, once and for good: the signature is over these very bytes."""
    return json.dumps(told, separators=(",", ":"), sort_keys=True)


def _claimed(message: str, tries: int) -> Any:  # noqa: ANN401 - an update
    """Mean a message as long as nobody has tried it since: the count of tries is its claim."""
    return update(deliveries).where(
        deliveries.c.id == message, deliveries.c.state == WAITING, deliveries.c.tries == tries
    )


def _place(hook: str) -> Place:
    return Place("webhooks", "secret_sealed", hook)

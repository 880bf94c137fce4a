"""The audit log: who did what, in a chain of hashes that shows any later change. The database refuses to alter it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import RowMapping, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.store.engine import Database
from shared.store.tables import audit_log

_BEFORE_THE_FIRST = "0" * 64
_LOCK = 7_431_902_116
"""PostgreSQL advisory lock of the chain's end: any number nobody else uses."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did; `details` are plain JSON values and never a secret."""

    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]


class AuditLog:
    """Appends to the chain and checks it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, deed: Deed, now_ms: int) -> int:
        """Add an entry and return its number; durable on return, and one at a time across processes."""
        async with self._database.writing() as connection:
            if not self._database.sqlite:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            number, previous = await _end(connection)
            entry = {
                "number": number + 1,
                "at": now_ms,
                "actor": deed.actor,
                "action": deed.action,
                "subject": deed.subject,
                "details": dict(deed.details),
                "previous": previous,
            }
            await connection.execute(audit_log.insert(), {**entry, "hash": _hash(entry)})
        return number + 1

    async def latest(self, most: int, before: int | None = None) -> list[dict[str, Any]]:
        """Return the newest entries, newest first; those with a number below `before`."""
        query = select(audit_log).order_by(audit_log.c.number.desc()).limit(most)
        if before is not None:
            query = query.where(audit_log.c.number < before)
        async with self._database.reading() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def done_since(self, action: str, at_ms: int) -> list[tuple[str, int]]:
        """Return to whom something was done since a moment, and when, oldest first."""
        query = select(audit_log.c.subject, audit_log.c.at).where(audit_log.c.action == action, audit_log.c.at >= at_ms)
        async with self._database.reading() as connection:
            rows = await connection.execute(query.order_by(audit_log.c.number))
            return [(row.subject, row.at) for row in rows]

    async def first_broken(self) -> int | None:
        """Return the number of the first entry that does not fit the chain, or None if all do."""
        expected, previous = 1, _BEFORE_THE_FIRST
        async with self._database.reading() as connection:
            for row in (await connection.execute(select(audit_log).order_by(audit_log.c.number))).mappings():
                if (row["number"], row["previous"], row["hash"]) != (expected, previous, _hash(_unhashed(row))):
                    return expected
                expected, previous = expected + 1, row["hash"]
        return None


async def _end(connection: AsyncConnection) -> tuple[int, str]:
    query = select(audit_log.c.number, audit_log.c.hash).order_by(audit_log.c.number.desc()).limit(1)
    row = (await connection.execute(query)).one_or_none()
    return (0, _BEFORE_THE_FIRST) if row is None else (row.number, row.hash)


def _unhashed(row: RowMapping) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "hash"}


def _hash(entry: Mapping[str, Any]) -> str:
    return sha256(json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

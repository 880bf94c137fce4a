"""Kill switches: every throw there ever was, and which of them are not yet in the stream."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select, tuple_, update

from shared.domain.switches import Action, Scope, Switch
from shared.store.engine import Database
from shared.store.tables import switches


class Switches:
    """Reads and writes throws."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, switch: Switch) -> None:
        """Write a throw down; durable on return. Repeating it changes nothing."""
        row = {"scope": switch.scope.value, "name": switch.name, "made": switch.made_ms, "action": switch.action.value}
        async with self._database.writing() as connection:
            await connection.execute(self._database.upsert(switches).values(row).on_conflict_do_nothing())

    async def newest(self) -> list[Switch]:
        """Return the newest throw of every scope and name, lifted ones too."""
        table = switches
        last = select(table.c.scope, table.c.name, func.max(table.c.made)).group_by(table.c.scope, table.c.name)
        query = select(table).where(tuple_(table.c.scope, table.c.name, table.c.made).in_(last))
        async with self._database.reading() as connection:
            rows = await connection.execute(query.order_by(table.c.scope, table.c.name))
            return [_switch(row) for row in rows]

    async def unpublished(self) -> list[Switch]:
        """Return throws that are not in the stream yet, oldest first."""
        query = select(switches).where(switches.c.published.is_(None)).order_by(switches.c.made)
        async with self._database.reading() as connection:
            return [_switch(row) for row in await connection.execute(query)]

    async def mark_published(self, published: Sequence[Switch], now_ms: int) -> None:
        """Remember that throws are in the stream. Repeating it changes nothing."""
        key = tuple_(switches.c.scope, switches.c.name, switches.c.made)
        names = [(each.scope.value, each.name, each.made_ms) for each in published]
        async with self._database.writing() as connection:
            await connection.execute(
                update(switches).where(key.in_(names), switches.c.published.is_(None)).values(published=now_ms)
            )


def _switch(row: Row[Any]) -> Switch:
    return Switch(Scope(row.scope), row.name, Action(row.action), row.made)

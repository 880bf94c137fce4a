"""Leaders' trade events as the ledger has them."""

from sqlalchemy import Row, select

from shared.domain.fills import EventKind, Hops, PosSide, TradeEvent
from shared.domain.ids import AccountId, EntryId, EventId, InstId, entry_order
from shared.domain.instruments import InstType
from shared.domain.quantities import Contracts, Price
from shared.store.engine import Database
from shared.store.tables import trade_events


class Events:
    """Reads trade events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, leader: AccountId, since_ms: int, most: int) -> list[TradeEvent]:
        """Return a leader's events since a moment in the order they were published, the newest `most` of them."""
        table = trade_events
        query = select(table).where(table.c.leader == leader, table.c.filled >= since_ms)
        query = query.order_by(table.c.filled.desc(), table.c.event.desc()).limit(most)
        async with self._database.reading() as connection:
            found = [_event(row) for row in await connection.execute(query)]
        return sorted(found, key=lambda each: entry_order(each.entry))


def _event(row: Row[tuple[object, ...]]) -> TradeEvent:
    return TradeEvent(
        entry=EntryId(row.entry),
        id=EventId(row.event),
        kind=EventKind(row.kind),
        leader=AccountId(row.leader),
        inst_id=InstId(row.inst_id),
        inst_type=InstType(row.inst_type),
        pos_side=PosSide(row.pos_side),
        before=Contracts(row.before),
        after=Contracts(row.after),
        price=Price(row.price),
        category=row.category,
        late=row.late,
        vouched=row.vouched,
        hops=Hops(row.filled, row.seen, row.published),
    )

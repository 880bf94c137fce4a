"""The ledger: what leaders did and what became of every attempt to copy it. Written in batches, any number of times.

An outcome replaces what is known of its attempt only if it is newer: more final, or as final and later. Facts that add
up over an attempt's life (size, price, fill, hop times) are kept from whichever outcome brought them; an outcome that
comes late or twice can add a missing fact but changes nothing else.
"""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.sql.elements import KeyedColumnElement

from shared.messages.entries import TradeEventV1
from shared.messages.outcome import HopTimes, OutcomeKind, OutcomeV1
from shared.store.engine import Database, Upsert
from shared.store.tables import copies, trade_events

_FOR_OTHERS_S = 0.02
"""SQLite's lock is not fair: who writes batch after batch keeps others from it for good unless it pauses."""

RANKS = {
    OutcomeKind.UNKNOWN: 0,
    OutcomeKind.ABSENT: 0,  # an attempt proven absent is decided afresh under the same id, and may be accepted then
    OutcomeKind.ACCEPTED: 1,
    OutcomeKind.SKIPPED: 2,
    OutcomeKind.DRIFTED: 2,
    OutcomeKind.REFUSED: 2,
    OutcomeKind.SETTLED: 3,
}
"""How final each outcome is."""

_STATE = ("outcome", "rank", "at", "code", "sub_code", "category", "message", "reason", "remedy", "numbers")
_HOPS = ("filled", "seen", "published", "read", "sent", "answered", "settled")
_FACTS = (
    *("side", "size", "order_type", "price", "order_id"),
    *("filled_size", "average_price", "fee", "fee_currency", "target", "held"),
    *_HOPS,
)


class Unrecordable(ValueError):
    """An entry holds what no column takes, such as a number that is none; says what. Nothing was written."""


class Ledger:
    """Writes and counts; what it has returned from is durable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, events: Sequence[tuple[str, TradeEventV1]], outcomes: Sequence[OutcomeV1]) -> None:
        """Write trade events (each with its stream id) and outcomes in one transaction. Repeating it changes nothing.

        Raises:
            Unrecordable: an entry fits no column; nothing of the batch was written.
            StoreUnavailable: nothing was written either; try again.
        """
        if self._database.sqlite:
            await asyncio.sleep(_FOR_OTHERS_S)
        try:
            event_rows = [_event_row(entry, event) for entry, event in events]
            copy_rows = [_copy_row(outcome) for outcome in outcomes]
            async with self._database.writing() as connection:
                if event_rows:
                    statement = self._database.upsert(trade_events).on_conflict_do_nothing(index_elements=["event"])
                    await connection.execute(statement, event_rows)
                if copy_rows:
                    await connection.execute(_newer_wins(self._database.upsert(copies)), copy_rows)
        except (ArithmeticError, DataError, IntegrityError) as error:
            raise Unrecordable(f"{type(error).__name__}: {error}") from error

    async def copy(self, cl_ord_id: str) -> dict[str, Any] | None:
        """Return everything known of one attempt, by column, or None."""
        async with self._database.reading() as connection:
            found = await connection.execute(select(copies).where(copies.c.cl_ord_id == cl_ord_id))
            row = found.mappings().one_or_none()
        return None if row is None else dict(row)

    async def counts(self) -> dict[str, int]:
        """Return how many trade events and how many attempts, by outcome, are recorded."""
        by_outcome = select(copies.c.outcome, func.count()).group_by(copies.c.outcome)
        async with self._database.reading() as connection:
            counted = {row[0]: row[1] for row in await connection.execute(by_outcome)}
            events = (await connection.execute(select(func.count()).select_from(trade_events))).scalar_one()
        return {"trade_events": events, **counted}


def _newer_wins(statement: Upsert) -> Upsert:
    found, given = copies.c, statement.excluded
    newer = or_(given.rank > found.rank, (given.rank == found.rank) & (given.at >= found.at))
    changes: dict[str, ColumnElement[Any]] = {name: case((newer, given[name]), else_=found[name]) for name in _STATE}
    for name in _FACTS:
        changes[name] = _known(newer, given[name], found[name])
    return statement.on_conflict_do_update(index_elements=["cl_ord_id"], set_=changes)


def _known(
    newer: ColumnElement[bool], given: KeyedColumnElement[Any], found: KeyedColumnElement[Any]
) -> ColumnElement[Any]:
    return case((newer, func.coalesce(given, found)), else_=func.coalesce(found, given))


def _event_row(entry: str, event: TradeEventV1) -> dict[str, Any]:
    return {
        "event": event.id,
        "entry": entry,
        "kind": event.kind.value,
        "leader": event.leader,
        "inst_id": event.inst_id,
        "inst_type": event.inst_type.value,
        "pos_side": event.pos_side.value,
        "before": _number(event.before),
        "after": _number(event.after),
        "price": _number(event.price),
        "category": event.category,
        "late": event.late,
        "vouched": event.vouched,
        "filled": event.filled_ms,
        "seen": event.seen_ms,
        "published": event.published_ms,
    }


def _copy_row(outcome: OutcomeV1) -> dict[str, Any]:
    return {
        "cl_ord_id": outcome.cl_ord_id,
        "follower": outcome.follower,
        "leader": outcome.leader,
        "inst_id": outcome.inst_id,
        "event": outcome.event,
        "leg": outcome.leg,
        "tries": outcome.tries,
        "covers": outcome.covers,
        "subscription_version": outcome.version,
        "outcome": outcome.kind.value,
        "rank": RANKS[outcome.kind],
        "at": outcome.at_ms,
        "numbers": outcome.numbers or None,
        **{name: getattr(outcome, name) or None for name in ("code", "sub_code", "category", "message")},
        **{name: getattr(outcome, name) or None for name in ("reason", "remedy", "side", "order_type")},
        **{name: getattr(outcome, name) or None for name in ("order_id", "fee_currency")},
        **{name: _number(getattr(outcome, name)) for name in ("size", "price", "fee", "target", "held")},
        "filled_size": _number(outcome.filled),
        "average_price": _number(outcome.average),
        **_hops(outcome.hops),
    }


def _hops(hops: HopTimes) -> dict[str, int | None]:
    return {name: getattr(hops, f"{name}_ms") or None for name in _HOPS}


def _number(text: str) -> Decimal | None:
    number = Decimal(text) if text else None
    if number is not None and not number.is_finite():
        raise Unrecordable(f"{text!r} is not a number; expected a finite decimal")
    return number

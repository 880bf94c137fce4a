"""Keys of partners' platforms: kept as hashes, each with its scopes, until revoked."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Row, select, update

from shared.store.consents import fingerprint
from shared.store.engine import Database
from shared.store.partner_tables import partner_keys


@dataclass(frozen=True, slots=True)
class PartnerKey:
    """A platform's key without its text; `revoked_ms` is None while it works."""

    id: str
    label: str
    scopes: frozenset[str]
    made_ms: int
    revoked_ms: int | None = None


class PartnerKeys:
    """Reads and writes keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: PartnerKey, text: str) -> None:
        """Write a key down, as its hash."""
        row = {
            "id": key.id,
            "hash": fingerprint(text),
            "label": key.label,
            "scopes": sorted(key.scopes),
            "made": key.made_ms,
        }
        async with self._database.writing() as connection:
            await connection.execute(partner_keys.insert(), row)

    async def find(self, text: str) -> PartnerKey | None:
        """Return the key of a text, unless it is revoked; found by its hash, so that its text is compared nowhere."""
        query = select(partner_keys).where(partner_keys.c.hash == fingerprint(text), partner_keys.c.revoked.is_(None))
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _key(row)

    async def all(self) -> Sequence[PartnerKey]:
        """Return every key there ever was, oldest first."""
        query = select(partner_keys).order_by(partner_keys.c.made, partner_keys.c.id)
        async with self._database.reading() as connection:
            return [_key(row) for row in await connection.execute(query)]

    async def revoke(self, key: str, now_ms: int) -> bool:
        """End a key, for good; False if there is none that works."""
        statement = update(partner_keys).where(partner_keys.c.id == key, partner_keys.c.revoked.is_(None))
        async with self._database.writing() as connection:
            return (await connection.execute(statement.values(revoked=now_ms))).rowcount == 1


def _key(row: Row[tuple[object, ...]]) -> PartnerKey:
    return PartnerKey(row.id, row.label, frozenset(row.scopes), row.made, row.revoked)

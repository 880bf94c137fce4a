"""Browser sessions: a cookie's hash, who signed in with it, and what its forms must carry."""

from dataclasses import dataclass

from sqlalchemy import delete, select

from shared.domain.ids import AccountId
from shared.store.consents import fingerprint
from shared.store.engine import Database
from shared.store.tables import sessions


@dataclass(frozen=True, slots=True)
class Session:
    """A browser; `token` is its cookie, `csrf` what its forms must carry. Both are secrets of that browser."""

    token: str
    csrf: str
    account: AccountId | None = None

    def __repr__(self) -> str:
        return f"Session({self.account or 'nobody'})"


class Sessions:
    """Keeps sessions until they are too old."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, session: Session, now_ms: int, expires_ms: int) -> None:
        """Remember a new session, and forget those that are too old."""
        row = {
            "session": fingerprint(session.token),
            "account": session.account,
            "csrf": session.csrf,
            "expires": expires_ms,
        }
        async with self._database.writing() as connection:
            await connection.execute(delete(sessions).where(sessions.c.expires <= now_ms))
            await connection.execute(sessions.insert(), row)

    async def find(self, token: str, now_ms: int) -> Session | None:
        """Return the session of a cookie, None if there is none that lives."""
        query = select(sessions).where(sessions.c.session == fingerprint(token), sessions.c.expires > now_ms)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        return Session(token, row["csrf"], AccountId(row["account"]) if row["account"] else None)

    async def end(self, token: str) -> None:
        """Forget a session. Idempotent."""
        async with self._database.writing() as connection:
            await connection.execute(delete(sessions).where(sessions.c.session == fingerprint(token)))

    async def end_all(self, account: AccountId) -> None:
        """Forget every session of an account. Idempotent."""
        async with self._database.writing() as connection:
            await connection.execute(delete(sessions).where(sessions.c.account == account))

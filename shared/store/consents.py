"""Consents on their way: who was sent to the venue, with which state, from which browser session.

A state is kept as its hash and taken once: whoever takes it has it, whoever comes second finds nothing.
"""

from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import delete

from shared.store.engine import Database
from shared.store.tables import consents
from shared.vault.seal import Place, Vault
from shared.vault.secret import Secret

_VERIFIER = "verifier_sealed"


@dataclass(frozen=True, slots=True)
class Journey:
    """What a browser was sent to the venue for; `verifier` and `terminal` only where it goes by PKCE."""

    session: str
    role: str
    way: str
    verifier: Secret | None = None
    terminal: str | None = None


class Consents:
    """Remembers journeys, sealed, until they end or are too old."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    async def begin(self, state: str, journey: Journey, now_ms: int, expires_ms: int) -> None:
        """Remember a journey, and forget those that never came back."""
        hashed = fingerprint(state)
        sealed = journey.verifier and self._vault.seal(journey.verifier, Place("consents", _VERIFIER, hashed))
        row = {
            "state": hashed,
            "session": fingerprint(journey.session),
            "role": journey.role,
            "way": journey.way,
            "terminal": journey.terminal,
            _VERIFIER: sealed,
            "expires": expires_ms,
        }
        async with self._database.writing() as connection:
            await connection.execute(delete(consents).where(consents.c.expires <= now_ms))
            await connection.execute(consents.insert(), row)

    async def take(self, state: str, session: str, now_ms: int) -> Journey | None:
        """Take a journey, once; None if it is unknown, taken, too old, or of another browser session."""
        hashed = fingerprint(state)
        taking = delete(consents).where(consents.c.state == hashed).returning(*consents.c)
        async with self._database.writing() as connection:
            row = (await connection.execute(taking)).mappings().one_or_none()
        if row is None or row["expires"] <= now_ms or row["session"] != fingerprint(session):
            return None
        sealed = row[_VERIFIER]
        verifier = None if sealed is None else self._vault.open(sealed, Place("consents", _VERIFIER, hashed))
        return Journey(session, row["role"], row["way"], verifier, row["terminal"])


def fingerprint(text: str) -> str:
    """Return the SHA-256 of a random text in hexadecimal: what may be stored of it."""
    return sha256(text.encode()).hexdigest()

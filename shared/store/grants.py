"""Grants: sealed secrets with their life; `opened_grants` opens them for those who trade.

A grant's `version` counts its secrets. A renewal is claimed first (one claimant at a time, across processes, until the
claim runs out), and its new pair is written only over the version it was claimed for: whoever is late changes nothing,
and no reader sees a pair that is not yet stored. Marking a grant dead keeps the version, so that a pair that arrives
late from the venue still wins over the mark.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, Update, delete, or_, select, update

from shared.domain.grants import GrantKind, GrantLife, GrantStatus
from shared.domain.ids import AccountId
from shared.store.engine import Database
from shared.store.tables import accounts, grants
from shared.vault.credentials import ApiKey, TokenPair
from shared.vault.seal import Place, Vault

ACCESS, REFRESH = "access_token_sealed", "refresh_token_sealed"
API_KEY, SECRET_KEY, PASSPHRASE = "api_key_sealed", "secret_key_sealed", "passphrase_sealed"
_SEALED = (ACCESS, REFRESH, API_KEY, SECRET_KEY, PASSPHRASE)
_NEVER_MS = 253_370_764_800_000  # the year 9999: a key does not expire by the clock
_CHUNK = 1_000
_LIFE = (
    grants.c.account,
    grants.c.kind,
    grants.c.version,
    grants.c.status,
    grants.c.issued,
    grants.c.expires,
)


@dataclass(frozen=True, slots=True)
class Consent:
    """What an account's owner has just given us."""

    account: AccountId
    secrets: TokenPair | ApiKey
    made_by_us: bool = False
    """Whether the key is one we made (Fast API), not one its owner made."""
    terminal: str | None = None
    """The device a PKCE consent is tied to."""

    @property
    def kind(self) -> GrantKind:
        """Return what kind of grant this becomes."""
        if isinstance(self.secrets, TokenPair):
            return GrantKind.OAUTH
        return GrantKind.FAST_API if self.made_by_us else GrantKind.API_KEY


class Grants:
    """Writes grants and follows their life; opens secrets only in `open_pair`."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    async def put(self, consents: Sequence[Consent], now_ms: int) -> None:
        """Seal new consents, all or none, each over the grant its account had: live, one version further, unfenced."""
        if not consents:
            return
        rows = [self._row(consent, now_ms) for consent in consents]
        statement = self._database.upsert(grants)
        changed = {name: statement.excluded[name] for name in rows[0] if name not in ("account", "version")}
        statement = statement.on_conflict_do_update(
            index_elements=["account"], set_={**changed, "version": grants.c.version + 1}
        )
        async with self._database.writing() as connection:
            await connection.execute(statement, rows)

    async def lives(self) -> dict[AccountId, GrantLife]:
        """Return what is known of every grant without opening it."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(*_LIFE))).mappings()
            return {life.account: life for life in map(_life, rows)}

    async def life(self, account: AccountId) -> GrantLife | None:
        """Return what is known of an account's grant without opening it."""
        async with self._database.reading() as connection:
            row = (await connection.execute(select(*_LIFE).where(grants.c.account == account))).mappings().one_or_none()
        return None if row is None else _life(row)

    async def proofs(self) -> dict[AccountId, tuple[bool, bool | None]]:
        """Return of every grant whether its fence, and whether its tag, was proven."""
        query = select(grants.c.account, grants.c.fenced, grants.c.tagged)
        async with self._database.reading() as connection:
            return {AccountId(row.account): (row.fenced, row.tagged) for row in await connection.execute(query)}

    async def renewable(self, now_ms: int) -> list[GrantLife]:
        """Return live OAuth grants that nobody has claimed, those that expire first in front."""
        query = select(*_LIFE).where(
            grants.c.kind == GrantKind.OAUTH.value, grants.c.status == GrantStatus.LIVE.value, _free(now_ms)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.order_by(grants.c.expires))).mappings()
            return [_life(row) for row in rows]

    async def claim(self, life: GrantLife, claimant: str, now_ms: int, until_ms: int) -> bool:
        """Take the right to renew this version until `until_ms`; False if somebody has it or the grant has moved on."""
        statement = _of_version(life).where(grants.c.status == GrantStatus.LIVE.value, _free(now_ms))
        return await self._changes(statement.values(claimant=claimant, claimed_until=until_ms))

    async def open_pair(self, life: GrantLife) -> tuple[str, TokenPair] | None:
        """Open the pair of this version, with the site to present it to; None if the grant has moved on.

        Raises:
            CannotOpen: the sealed bytes do not open.
        """
        query = opening(ACCESS, REFRESH).where(grants.c.account == life.account, grants.c.version == life.version)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        access, refresh = (
            self._vault.open(row[column], place_of(life.account, column)) for column in (ACCESS, REFRESH)
        )
        return row["site"], TokenPair(access, refresh, life.expires_ms - life.issued_ms)

    async def store(self, life: GrantLife, pair: TokenPair, now_ms: int) -> GrantLife | None:
        """Write the pair that renews this version and end the claim; durable. None if the grant has moved on."""
        values = {
            **self._sealed(life.account, pair),
            "version": life.version + 1,
            "status": GrantStatus.LIVE.value,
            "why": "",
            "issued": now_ms,
            "expires": now_ms + pair.lives_ms,
            "claimant": None,
            "claimed_until": None,
        }
        if not await self._changes(_of_version(life).values(**values)):
            return None
        return GrantLife(life.account, life.kind, life.version + 1, GrantStatus.LIVE, now_ms, now_ms + pair.lives_ms)

    async def defer(self, life: GrantLife, claimant: str, until_ms: int) -> bool:
        """End a claim of ours without a new pair; nobody tries again before `until_ms`."""
        statement = _of_version(life).where(grants.c.claimant == claimant)
        return await self._changes(statement.values(claimant=None, claimed_until=until_ms))

    async def mark(self, life: GrantLife, status: GrantStatus, why: str) -> bool:
        """Say that this version is dead, and why; False if the grant has moved on or was marked so before."""
        statement = _of_version(life).where(grants.c.status != status.value)
        return await self._changes(statement.values(status=status.value, why=why, claimant=None, claimed_until=None))

    async def drop(self, account: AccountId) -> bool:
        """Forget every secret of an account, for good; False if there were none. What it traded stays."""
        async with self._database.writing() as connection:
            return (await connection.execute(delete(grants).where(grants.c.account == account))).rowcount == 1

    async def mark_fenced(self, account: AccountId, version: int) -> bool:
        """Remember that the venue refused an expired order under this version of a grant. Idempotent.

        False if the grant has moved on; it is left as it is: what was proven says nothing about a new consent.
        """
        return await self._changes(_numbered(account, version).values(fenced=True))

    async def mark_tagged(self, account: AccountId, version: int, *, tagged: bool) -> bool:
        """Remember whether the venue repeated our tag to this version of a grant; as `mark_fenced`."""
        return await self._changes(_numbered(account, version).values(tagged=tagged))

    async def _changes(self, statement: Update) -> bool:
        async with self._database.writing() as connection:
            return (await connection.execute(statement)).rowcount == 1

    def _row(self, consent: Consent, now_ms: int) -> dict[str, Any]:
        expires_ms = now_ms + consent.secrets.lives_ms if isinstance(consent.secrets, TokenPair) else _NEVER_MS
        return {
            **dict.fromkeys(_SEALED),
            **self._sealed(consent.account, consent.secrets),
            "account": consent.account,
            "kind": consent.kind.value,
            "version": 1,
            "status": GrantStatus.LIVE.value,
            "why": "",
            "fenced": False,
            "tagged": None,
            "issued": now_ms,
            "expires": expires_ms,
            "terminal": consent.terminal,
            "claimant": None,
            "claimed_until": None,
        }

    def _sealed(self, account: AccountId, secrets: TokenPair | ApiKey) -> dict[str, bytes]:
        if isinstance(secrets, TokenPair):
            parts = {ACCESS: secrets.access, REFRESH: secrets.refresh}
        else:
            parts = {API_KEY: secrets.key, SECRET_KEY: secrets.secret, PASSPHRASE: secrets.passphrase}
        return {column: self._vault.seal(secret, place_of(account, column)) for column, secret in parts.items()}


def place_of(account: AccountId, column: str) -> Place:
    """Say where a sealed secret stands: it opens nowhere else."""
    return Place("grants", column, account)


def _of_version(life: GrantLife) -> Update:
    return _numbered(life.account, life.version)


def _numbered(account: AccountId, version: int) -> Update:
    return update(grants).where(grants.c.account == account, grants.c.version == version)


def _free(now_ms: int) -> ColumnElement[bool]:
    return or_(grants.c.claimed_until.is_(None), grants.c.claimed_until <= now_ms)


def opening(*columns: str) -> Select[Any]:
    """Select grants with these sealed columns, and the site of their account."""
    known = (grants.c.account, grants.c.kind, grants.c.version, grants.c.terminal, accounts.c.site)
    chosen = (*known, *(grants.c[name] for name in columns))
    return select(*chosen).join(accounts, accounts.c.account == grants.c.account)


def _life(row: RowMapping) -> GrantLife:
    return GrantLife(
        AccountId(row["account"]),
        GrantKind(row["kind"]),
        row["version"],
        GrantStatus(row["status"]),
        row["issued"],
        row["expires"],
    )

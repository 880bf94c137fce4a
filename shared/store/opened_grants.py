"""Grants opened into memory, for those who trade with them."""

from collections.abc import Sequence

import structlog
from sqlalchemy import RowMapping

from shared.domain.grants import GrantKind, GrantStatus
from shared.domain.ids import AccountId
from shared.ports import CouldNotAsk, GrantUnusable
from shared.store.engine import Database, StoreUnavailable
from shared.store.grants import ACCESS, API_KEY, PASSPHRASE, SECRET_KEY, opening, place_of
from shared.store.tables import grants
from shared.vault.credentials import ApiKey, BearerToken, Credential, SigningKey
from shared.vault.seal import Vault
from shared.vault.secret import CannotOpen, Secret

_CHUNK = 1_000


class OpenedGrants:
    """Opens what acts for an account, and keeps it in memory: `vault.credentials.Credentials`.

    Never opens a refresh token. What it keeps is dropped by `forget`: on a notice, or when the venue calls it outdated.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault
        self._opened: dict[AccountId, Credential] = {}
        self.sites: set[str] = set()
        """Where accounts opened here live, or lived."""

    def cached(self, account: AccountId) -> Credential | None:
        """Return the credential if it is in memory. Never blocks."""
        return self._opened.get(account)

    def forget(self, account: AccountId) -> None:
        """Drop what `cached` would return. Idempotent."""
        self._opened.pop(account, None)

    async def read(self, account: AccountId) -> Credential:
        """Read and open the credential as it is stored now, and keep it.

        Raises:
            GrantUnusable: there is no grant, it is dead, or its sealed bytes do not open.
            CouldNotAsk: the database gave no answer.
        """
        try:
            await self.warm([account])
        except StoreUnavailable as error:
            raise CouldNotAsk(f"the grant of account {account} was not read: {error}") from error
        opened = self._opened.get(account)
        if opened is None:
            raise GrantUnusable(f"account {account} has no grant that opens and lives; its owner has to consent anew")
        return opened

    async def warm(self, wanted: Sequence[AccountId]) -> int:
        """Read and open many at once and return how many are open; forgets those that have no live grant.

        One whose sealed bytes do not open is logged and left out: it must not keep the others from trading.

        Raises:
            StoreUnavailable: the database gave no answer; those before it stay open.
        """
        live = 0
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            query = opening(ACCESS, API_KEY, SECRET_KEY, PASSPHRASE).where(
                grants.c.account.in_(chunk), grants.c.status == GrantStatus.LIVE.value
            )
            async with self._database.reading() as connection:
                rows = (await connection.execute(query)).mappings().all()
            opened = {each.account: each for each in map(self._open, rows) if each is not None}
            for account in chunk:
                self.forget(account)
            self._opened |= opened
            self.sites |= {each.site for each in opened.values()}
            live += len(opened)
        return live

    def _open(self, row: RowMapping) -> Credential | None:
        account = AccountId(row["account"])

        def secret(column: str) -> Secret:
            return self._vault.open(row[column], place_of(account, column))

        try:
            if row["kind"] == GrantKind.OAUTH.value:
                return BearerToken(account, row["version"], row["site"], secret(ACCESS), row["terminal"])
            key = ApiKey(secret(API_KEY), secret(SECRET_KEY), secret(PASSPHRASE))
            return SigningKey(account, row["version"], row["site"], key)
        except CannotOpen as error:
            structlog.get_logger().error("grant_not_opened", account=account, reason=str(error))
            return None

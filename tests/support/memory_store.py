"""The store in memory: the same promises as shared.store, none of the SQL. The contract suite runs on both."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from shared.domain.grants import GrantKind, GrantLife, GrantStatus
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Subscription
from shared.messages.entries import TradeEventV1
from shared.messages.outcome import OutcomeKind, OutcomeV1
from shared.ports import GrantUnusable
from shared.store.accounts import Account
from shared.store.grants import Consent
from shared.store.ledger import Unrecordable
from shared.store.subscriptions import VersionTaken
from shared.vault.credentials import ApiKey, BearerToken, Credential, SigningKey, TokenPair

NEVER_MS = 253_370_764_800_000


@dataclass
class MemoryGrant:
    life: GrantLife
    secrets: TokenPair | ApiKey
    claimant: str | None = None
    claimed_until_ms: int = 0
    why: str = ""
    fenced: bool = False
    tagged: bool | None = None


@dataclass
class MemoryRows:
    """What the twins share, as the tables are shared."""

    accounts: dict[AccountId, Account] = field(default_factory=dict)
    grants: dict[AccountId, MemoryGrant] = field(default_factory=dict)


class MemoryAccounts:
    def __init__(self, rows: MemoryRows) -> None:
        self._rows = rows.accounts

    async def save(self, changed: Sequence[Account], now_ms: int) -> None:
        del now_ms
        self._rows.update({each.account: each for each in changed})

    async def find(self, account: AccountId) -> Account | None:
        return self._rows.get(account)

    async def all(self) -> list[Account]:
        return [self._rows[account] for account in sorted(self._rows)]


class MemoryGrants:
    def __init__(self, rows: MemoryRows) -> None:
        self._rows = rows

    async def put(self, consents: Sequence[Consent], now_ms: int) -> None:
        for consent in consents:
            known = self._rows.grants.get(consent.account)
            oauth = isinstance(consent.secrets, TokenPair)
            expires_ms = now_ms + consent.secrets.lives_ms if isinstance(consent.secrets, TokenPair) else NEVER_MS
            life = GrantLife(
                consent.account,
                GrantKind.OAUTH if oauth else GrantKind.API_KEY,
                known.life.version + 1 if known else 1,
                GrantStatus.LIVE,
                now_ms,
                expires_ms,
            )
            self._rows.grants[consent.account] = MemoryGrant(life, consent.secrets)

    async def lives(self) -> dict[AccountId, GrantLife]:
        return {account: grant.life for account, grant in self._rows.grants.items()}

    async def renewable(self, now_ms: int) -> list[GrantLife]:
        lives = [
            grant.life
            for grant in self._rows.grants.values()
            if grant.life.kind is GrantKind.OAUTH
            and grant.life.status is GrantStatus.LIVE
            and grant.claimed_until_ms <= now_ms
        ]
        return sorted(lives, key=lambda life: life.expires_ms)

    async def claim(self, life: GrantLife, claimant: str, now_ms: int, until_ms: int) -> bool:
        grant = self._of_version(life)
        if grant is None or grant.life.status is not GrantStatus.LIVE or grant.claimed_until_ms > now_ms:
            return False
        grant.claimant, grant.claimed_until_ms = claimant, until_ms
        return True

    async def open_pair(self, life: GrantLife) -> tuple[str, TokenPair] | None:
        grant = self._of_version(life)
        if grant is None or not isinstance(grant.secrets, TokenPair):
            return None
        return self._rows.accounts[life.account].site, grant.secrets

    async def store(self, life: GrantLife, pair: TokenPair, now_ms: int) -> GrantLife | None:
        grant = self._of_version(life)
        if grant is None:
            return None
        renewed = GrantLife(life.account, life.kind, life.version + 1, GrantStatus.LIVE, now_ms, now_ms + pair.lives_ms)
        self._rows.grants[life.account] = MemoryGrant(renewed, pair, fenced=grant.fenced, tagged=grant.tagged)
        return renewed

    async def defer(self, life: GrantLife, claimant: str, until_ms: int) -> bool:
        grant = self._of_version(life)
        if grant is None or grant.claimant != claimant:
            return False
        grant.claimant, grant.claimed_until_ms = None, until_ms
        return True

    async def mark(self, life: GrantLife, status: GrantStatus, why: str) -> bool:
        grant = self._of_version(life)
        if grant is None or grant.life.status is status:
            return False
        grant.life, grant.why = replace(grant.life, status=status), why
        grant.claimant, grant.claimed_until_ms = None, 0
        return True

    async def mark_fenced(self, account: AccountId, version: int) -> bool:
        grant = self._numbered(account, version)
        if grant:
            grant.fenced = True
        return grant is not None

    async def mark_tagged(self, account: AccountId, version: int, *, tagged: bool) -> bool:
        grant = self._numbered(account, version)
        if grant:
            grant.tagged = tagged
        return grant is not None

    def _of_version(self, life: GrantLife) -> MemoryGrant | None:
        return self._numbered(life.account, life.version)

    def _numbered(self, account: AccountId, version: int) -> MemoryGrant | None:
        grant = self._rows.grants.get(account)
        return grant if grant and grant.life.version == version else None


class MemoryOpenedGrants:
    def __init__(self, rows: MemoryRows) -> None:
        self._rows = rows
        self._opened: dict[AccountId, Credential] = {}
        self.sites: set[str] = set()

    def cached(self, account: AccountId) -> Credential | None:
        return self._opened.get(account)

    def forget(self, account: AccountId) -> None:
        self._opened.pop(account, None)

    async def read(self, account: AccountId) -> Credential:
        await self.warm([account])
        if account not in self._opened:
            raise GrantUnusable(f"account {account} has no grant that opens and lives; its owner has to consent anew")
        return self._opened[account]

    async def warm(self, wanted: Sequence[AccountId]) -> int:
        for account in wanted:
            self.forget(account)
            grant = self._rows.grants.get(account)
            if grant and grant.life.status is GrantStatus.LIVE:
                self._opened[account] = self._open(grant)
                self.sites.add(self._opened[account].site)
        return sum(account in self._opened for account in wanted)

    def _open(self, grant: MemoryGrant) -> Credential:
        account, site = grant.life.account, self._rows.accounts[grant.life.account].site
        if isinstance(grant.secrets, TokenPair):
            return BearerToken(account, grant.life.version, site, grant.secrets.access)
        return SigningKey(account, grant.life.version, site, grant.secrets)


class MemorySubscriptions:
    def __init__(self) -> None:
        self._newest: dict[tuple[AccountId, AccountId], Subscription] = {}
        self._unpublished: list[Subscription] = []

    async def save(self, changed: Sequence[Subscription], now_ms: int) -> None:
        del now_ms
        for each in changed:
            stored = self._newest.get((each.follower, each.leader))
            if each.version != (stored.version if stored else 0) + 1:
                raise VersionTaken(f"version {each.version} cannot be saved: read the subscription again")
        self._newest.update({(each.follower, each.leader): each for each in changed})
        self._unpublished.extend(changed)

    async def all(self) -> list[Subscription]:
        return [self._newest[key] for key in sorted(self._newest)]

    async def find(self, follower: AccountId, leader: AccountId) -> Subscription | None:
        return self._newest.get((follower, leader))

    async def unpublished(self, limit: int = 1_000) -> list[Subscription]:
        return self._unpublished[:limit]

    async def mark_published(self, published: Sequence[Subscription], now_ms: int) -> None:
        del now_ms
        names = {(each.follower, each.leader, each.version) for each in published}
        self._unpublished = [
            each for each in self._unpublished if (each.follower, each.leader, each.version) not in names
        ]


_RANKS = {"unknown": 0, "absent": 0, "accepted": 1, "skipped": 2, "refused": 2, "settled": 3}
_STATE = ("outcome", "at", "code", "sub_code", "category", "message", "reason", "remedy", "numbers")
_HOPS = ("filled", "seen", "published", "read", "sent", "answered", "settled")


class MemoryLedger:
    def __init__(self) -> None:
        self.events: dict[str, tuple[str, TradeEventV1]] = {}
        self.copies: dict[str, dict[str, Any]] = {}

    async def record(self, events: Sequence[tuple[str, TradeEventV1]], outcomes: Sequence[OutcomeV1]) -> None:
        try:
            rows = [_row(outcome) for outcome in outcomes]
        except ArithmeticError as error:
            raise Unrecordable(type(error).__name__) from error
        for entry, event in events:
            self.events.setdefault(event.id, (entry, event))
        for row in rows:
            found = self.copies.setdefault(row["cl_ord_id"], row)
            self.copies[row["cl_ord_id"]] = _merged(found, row)

    async def copy(self, cl_ord_id: str) -> dict[str, Any] | None:
        return self.copies.get(cl_ord_id)

    async def counts(self) -> dict[str, int]:
        counted = {"trade_events": len(self.events)}
        for row in self.copies.values():
            counted[row["outcome"]] = counted.get(row["outcome"], 0) + 1
        return counted


def _merged(found: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    newer = (_RANKS[given["outcome"]], given["at"]) >= (_RANKS[found["outcome"]], found["at"])
    first, second = (given, found) if newer else (found, given)
    facts = {name: first[name] if first[name] is not None else second[name] for name in first}
    return facts | {name: first[name] for name in _STATE}


def _row(outcome: OutcomeV1) -> dict[str, Any]:
    def number(text: str) -> Decimal | None:
        return Decimal(text) if text else None

    row: dict[str, Any] = {
        name: getattr(outcome, name) or None
        for name in (
            *("code", "sub_code", "category", "message", "reason", "remedy"),
            *("side", "order_type", "order_id", "fee_currency", "numbers"),
        )
    }
    row |= {name: getattr(outcome.hops, f"{name}_ms") or None for name in _HOPS}
    row |= {name: number(getattr(outcome, name)) for name in ("size", "price", "fee", "target", "held")}
    return row | {
        "cl_ord_id": outcome.cl_ord_id,
        "follower": outcome.follower,
        "leader": outcome.leader,
        "event": outcome.event,
        "outcome": OutcomeKind(outcome.kind).value,
        "at": outcome.at_ms,
        "filled_size": number(outcome.filled),
        "average_price": number(outcome.average),
    }

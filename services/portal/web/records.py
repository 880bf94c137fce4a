"""The store as the portal's use cases and routes see it: consents on their way, sessions, accounts, what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import structlog

from services.portal.applicants import Browser, Member
from services.portal.connecting import Linked
from services.portal.fitness import Check
from services.portal.journeys import Journey, Role, Way
from services.portal.wiring import account_of, member_of
from shared.bus.client import UNREACHABLE
from shared.bus.notices import GrantNotices
from shared.clock import SystemClock
from shared.domain.fills import TradeEvent
from shared.domain.grants import GrantKind, GrantLife, GrantStatus
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Subscription
from shared.messages.notices import GrantChange, GrantNotice
from shared.store import consents, sessions
from shared.store.accounts import Accounts
from shared.store.audit import AuditLog, Deed
from shared.store.checks import Checks, Due
from shared.store.copied import Copied
from shared.store.engine import Database
from shared.store.events import Events
from shared.store.grants import Consent, Grants
from shared.store.opened_grants import OpenedGrants
from shared.store.subscriptions import Subscriptions
from shared.vault.consent import SeenAccount
from shared.vault.credentials import Credential
from shared.vault.seal import Vault


class StoredJourneys:
    """connecting.Journeys over the store."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._consents = consents.Consents(database, vault)

    async def begin(self, state: str, session: str, journey: Journey, now_ms: int, expires_ms: int) -> None:
        """Remember a journey."""
        kept = consents.Journey(session, journey.role.value, journey.way.value, journey.verifier, journey.terminal)
        await self._consents.begin(state, kept, now_ms, expires_ms)

    async def take(self, state: str, session: str, now_ms: int) -> Journey | None:
        """Take a journey, once."""
        kept = await self._consents.take(state, session, now_ms)
        return Journey(Role(kept.role), Way(kept.way), kept.verifier, kept.terminal) if kept else None


class StoredBrowsers:
    """door.Browsers over the store."""

    def __init__(self, database: Database) -> None:
        self._sessions = sessions.Sessions(database)

    async def put(self, session: Browser, now_ms: int, expires_ms: int) -> None:
        """Remember a new session."""
        await self._sessions.put(sessions.Session(session.token, session.csrf, session.account), now_ms, expires_ms)

    async def find(self, token: str, now_ms: int) -> Browser | None:
        """Return the session of a cookie."""
        found = await self._sessions.find(token, now_ms)
        return Browser(found.token, found.csrf, found.account) if found else None

    async def end(self, token: str) -> None:
        """Forget a session."""
        await self._sessions.end(token)


class StoredRecords:
    """connecting.Members, leaving.Holdings, checkups.Roll and house.Records over the store; tells of changes."""

    def __init__(self, database: Database, vault: Vault, notices: GrantNotices, clock: SystemClock) -> None:
        self._accounts, self._grants = Accounts(database), Grants(database, vault)
        self._subscriptions, self._copied = Subscriptions(database), Copied(database)
        self._sessions, self._notices, self._clock = sessions.Sessions(database), notices, clock
        self._audit, self._checks = AuditLog(database), Checks(database)
        self._opened, self._events = OpenedGrants(database, vault), Events(database)

    async def of(self, site: str, uid: str) -> Member | None:
        """Return the account of a uid."""
        found = await self._accounts.of_uid(site, uid)
        return member_of(found) if found else None

    async def has_key(self, account: AccountId) -> bool:
        """Tell whether the account's grant is a live key."""
        life = await self.life(account)
        return life is not None and life.kind is not GrantKind.OAUTH and life.status is GrantStatus.LIVE

    async def link(self, linked: Linked, now_ms: int) -> None:
        """Store an account and its sealed grant, then tell whoever caches it."""
        account = linked.member.account
        await self._accounts.save([account_of(linked.member)], now_ms)
        made_by_us = linked.kind is GrantKind.FAST_API
        await self._grants.put([Consent(account, linked.secrets, made_by_us, linked.terminal)], now_ms)
        await self._found(linked.member, linked.checks)
        await self.note(account, "connect", account, {"kind": linked.kind.value, "site": linked.member.site})
        await self._announce(account, GrantChange.CONSENTED)

    async def forget(self, account: AccountId) -> GrantKind | None:
        """Delete an account's secrets and sessions."""
        life = await self.life(account)
        await self._grants.drop(account)
        await self._sessions.end_all(account)
        await self.note(account, "disconnect", account, {"kind": life.kind.value if life else ""})
        await self._announce(account, GrantChange.DEAD)
        return life.kind if life else None

    async def member(self, account: AccountId) -> Member | None:
        """Return an account."""
        found = await self._accounts.find(account)
        return member_of(found) if found else None

    async def members(self) -> Sequence[Member]:
        """Return every account."""
        return [member_of(each) for each in await self._accounts.all()]

    async def lives(self) -> Mapping[AccountId, GrantLife]:
        """Return what is known of every grant."""
        return await self._grants.lives()

    async def life(self, account: AccountId) -> GrantLife | None:
        """Return what is known of an account's grant."""
        return await self._grants.life(account)

    async def subscriptions(self, follower: AccountId) -> Sequence[Subscription]:
        """Return what an account follows."""
        return await self._subscriptions.of(follower)

    async def copies(
        self, follower: AccountId, before: tuple[int, str] | None, most: int, outcome: str | None
    ) -> Sequence[dict[str, Any]]:
        """Return copies before a place, newest first."""
        return await self._copied.page(follower, before, most, outcome)

    async def positions(self, follower: AccountId) -> Sequence[dict[str, Any]]:
        """Return what an account holds because of its leaders."""
        return await self._copied.positions(follower)

    async def note(self, actor: str, action: str, subject: str, details: Mapping[str, str]) -> None:
        """Write down what somebody did."""
        await self._audit.append(Deed(actor, action, subject, details), self._clock.now_ms())

    async def deeds(self, most: int, before: int | None) -> Sequence[dict[str, Any]]:
        """Return what was done, newest first."""
        return await self._audit.latest(most, before)

    async def leads(self, account: AccountId) -> bool:
        """Tell whether an account may be followed."""
        found = await self._accounts.find(account)
        return found is not None and found.leads

    async def stop_leading(self, account: AccountId) -> None:
        """Say that an account may not be followed any more."""
        await self.let_lead(account, False)

    async def let_lead(self, account: AccountId, leads: bool) -> bool:
        """Say whether an account may be followed."""
        found = await self._accounts.find(account)
        if found is None:
            return False
        await self._accounts.save([replace(found, leads=leads)], self._clock.now_ms())
        await self.note("operator", "let_lead", account, {"leads": str(leads).lower()})
        return True

    async def due(self, before_ms: int, most: int) -> Sequence[Due]:
        """Return who is to be looked at."""
        return await self._checks.due(before_ms, most)

    async def claim(self, due: Due, now_ms: int) -> bool:
        """Take one of them."""
        return await self._checks.claim(due, now_ms)

    async def kind(self, account: AccountId) -> GrantKind | None:
        """Return what kind of grant an account has."""
        life = await self.life(account)
        return life.kind if life else None

    async def credential(self, account: AccountId) -> Credential:
        """Open an account's grant, and keep it no longer than the answer takes."""
        try:
            return await self._opened.read(account)
        finally:
            self._opened.forget(account)

    async def seen(self, member: Member, seen: SeenAccount, checks: Sequence[Check]) -> None:
        """Write down what was found, and tell the workers of another level or mode."""
        now = replace(member, account_level=seen.level, position_mode=seen.position_mode)
        await self._found(now, checks)
        if now != member:
            modes = {"level": seen.level, "position_mode": seen.position_mode}
            await self.note("portal", "account_changed", member.account, modes)
            await self._announce(member.account, GrantChange.ACCOUNT)

    async def lost(self, account: AccountId, why: str) -> None:
        """Say that an account's key is gone."""
        life = await self.life(account)
        if life and await self._grants.mark(life, GrantStatus.REVOKED, why):
            await self.note("portal", "grant_lost", account, {"why": why})
            await self._announce(account, GrantChange.DEAD)

    async def complain(self, account: AccountId) -> None:
        """Have a token renewed that the venue does not accept."""
        await self._announce(account, GrantChange.REJECTED)

    async def findings(self, account: AccountId) -> Sequence[Mapping[str, str]]:
        """Return what was found of an account last."""
        return await self._checks.findings(account)

    async def unfit(self) -> Mapping[AccountId, Sequence[Mapping[str, str]]]:
        """Return what was found last of every account with something to put right."""
        return await self._checks.all()

    async def proofs(self) -> Mapping[AccountId, tuple[bool, bool | None]]:
        """Return of every grant whether its fence, and whether its tag, was proven."""
        return await self._grants.proofs()

    async def events(self, leader: AccountId, since_ms: int, most: int) -> Sequence[TradeEvent]:
        """Return a leader's events since a moment, oldest first."""
        return await self._events.of(leader, since_ms, most)

    async def subscription(self, follower: AccountId, leader: AccountId) -> Subscription | None:
        """Return a subscription as it is."""
        return await self._subscriptions.find(follower, leader)

    async def _found(self, member: Member, checks: Sequence[Check]) -> None:
        findings = [asdict(each) for each in checks]
        await self._checks.note(member.account, member.account_level, member.position_mode, findings)

    async def _announce(self, account: AccountId, change: GrantChange) -> None:
        """Tell whoever listens; whoever does not learns it when the venue says so."""
        life = await self.life(account)
        try:
            await self._notices.announce(GrantNotice(account, life.version if life else 0, change))
        except UNREACHABLE as error:
            structlog.get_logger().warning("notice_not_sent", account=account, error=type(error).__name__)

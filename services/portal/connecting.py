"""USE CASE an account is connected: its owner is sent to the venue, comes back, and is found fit or told what to do.

    begin ──▶ venue's page ──▶ come back ──▶ exchanged ──▶ (key made) ──▶ looked at ──▶ stored, announced, signed in

The state a browser leaves with is bound to its session and works once. What the venue gives is stored sealed before
anybody hears of it. An account is known by its site and uid: whoever consents is that account.
"""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol, TypeVar
from urllib.parse import urlencode
from uuid import uuid4

import structlog

from services.portal.applicants import Member
from services.portal.examining import Examining
from services.portal.fitness import Check, lacks
from services.portal.journeys import DENIED, FLEET, TROUBLES, Callback, Journey, Pages, Role, Trouble, Way
from services.portal.metrics import Metrics
from shared.domain.grants import GrantKind
from shared.domain.ids import AccountId
from shared.ports import Clock
from shared.vault.consent import Consenting, ConsentRefused, ConsentUnanswered, Granted, SeenAccount
from shared.vault.credentials import ApiKey, BearerToken, SigningKey, TokenPair
from shared.vault.secret import Secret

_LABEL = "slipstream"
"""What the keys we make are called at the venue."""


class Journeys(Protocol):
    """Consents on their way. ConnectionError from both: the store is away."""

    async def begin(self, state: str, session: str, journey: Journey, now_ms: int, expires_ms: int) -> None:
        """Remember a journey."""

    async def take(self, state: str, session: str, now_ms: int) -> Journey | None:
        """Take a journey, once; None if it is unknown, taken, too old, or another session's."""


@dataclass(frozen=True, slots=True)
class Linked:
    """An account to be stored, with what its owner gave."""

    member: Member
    secrets: TokenPair | ApiKey
    kind: GrantKind
    terminal: str | None = None
    checks: Sequence[Check] = ()


class Members(Protocol):
    """Accounts and their grants. ConnectionError: the store is away."""

    async def of(self, site: str, uid: str) -> Member | None:
        """Return the account of a uid, None if it is new."""

    async def has_key(self, account: AccountId) -> bool:
        """Tell whether the account's grant is a live key."""

    async def link(self, linked: Linked, now_ms: int) -> None:
        """Store an account and its sealed grant, then tell whoever caches it."""


@dataclass(frozen=True, slots=True)
class Left:
    """The key we made is deleted at the venue, or there was none any more."""


@dataclass(frozen=True, slots=True)
class Connected:
    """An account that is in, and what still keeps it from trading."""

    account: AccountId
    checks: Sequence[Check]


C = TypeVar("C")


class Connecting:
    """Lets accounts in, one at a time."""

    def __init__(
        self,
        journeys: Journeys,
        members: Members,
        venue: Consenting,
        examining: Examining,
        clock: Clock,
        pages: Pages,
        metrics: Metrics,
    ) -> None:
        self._journeys, self._members, self._venue, self._examining = journeys, members, venue, examining
        self._clock, self._pages, self._metrics = clock, pages, metrics

    async def begin(self, session: str, role: Role, way: Way, site: str) -> str:
        """Return the venue's page to send a browser to.

        Raises:
            KeyError: the site is not allowed.
        """
        state, page = secrets.token_urlsafe(32), self._pages.authorize[site]
        journey = Journey(role, way)
        asked = {
            "response_type": "code",
            "access_type": "offline",
            "client_id": self._pages.client_id,
            "redirect_uri": self._pages.redirect_uri,
            "scope": _scope(role, way),
            "state": state,
        }
        if self._pages.channel:
            asked["channelId"] = self._pages.channel
        if way is Way.PKCE:
            journey = Journey(role, way, Secret(secrets.token_urlsafe(64)), str(uuid4()))
            asked |= {"code_challenge": _challenge(journey.verifier), "code_challenge_method": "S256"}
        now_ms = self._clock.now_ms()
        await self._journeys.begin(state, session, journey, now_ms, now_ms + self._pages.life_ms)
        return f"{page}?{urlencode(asked)}"

    async def finish(self, session: str, callback: Callback) -> Connected | Left | Trouble:
        """Take a browser back: exchange, look, store; or say what is wrong."""
        return self._counted(await self._finish(session, callback))

    async def connect_key(self, role: Role, site: str, key: ApiKey) -> Connected | Trouble:
        """Take a key its owner made, if it may do what is needed and nothing more."""
        return self._counted(await self._connect_key(role, site, key))

    def _counted(self, came: C) -> C:
        if isinstance(came, Trouble):
            self._metrics.refused(came)
        return came

    async def _finish(self, session: str, callback: Callback) -> Connected | Left | Trouble:
        journey = await self._journeys.take(callback.state, session, self._clock.now_ms())
        if journey is None:
            return Trouble.STATE
        if callback.error or callback.code in ("", DENIED):
            return Trouble.DENIED
        site = self._pages.sites.get(callback.domain.rstrip("/"))
        if site is None:
            return Trouble.SITE
        try:
            granted = await self._venue.exchange(site, callback.code, journey.verifier, journey.terminal)
            if journey.role is Role.GONE:
                await self._venue.delete_key(site, granted)
                return Left()
            return await self._link(site, journey, granted)
        except ConsentRefused as refused:
            return _told(refused)
        except ConsentUnanswered as error:
            structlog.get_logger().warning("consent_unanswered", reason=str(error))
            return Trouble.UNANSWERED

    async def _connect_key(self, role: Role, site: str, key: ApiKey) -> Connected | Trouble:
        try:
            seen = await self._venue.describe(SigningKey(AccountId(""), 0, site, key))
        except ConsentRefused as refused:
            return _told(refused)
        except ConsentUnanswered as error:
            structlog.get_logger().warning("consent_unanswered", reason=str(error))
            return Trouble.UNANSWERED
        if "withdraw" in seen.permissions:
            return Trouble.WITHDRAWAL
        return await self._store(site, role, seen, key, GrantKind.API_KEY)

    async def _link(self, site: str, journey: Journey, granted: Granted) -> Connected | Trouble:
        if journey.way is Way.FAST_API:
            key = await self._venue.make_key(site, granted, _LABEL, _passphrase())
            seen = await self._venue.describe(SigningKey(AccountId(""), 0, site, key))
            return await self._store(site, journey.role, seen, key, GrantKind.FAST_API)
        if granted.refresh is None:
            return Trouble.REFUSED
        seen = await self._venue.describe(BearerToken(AccountId(""), 0, site, granted.access, granted.terminal_id))
        pair = TokenPair(granted.access, granted.refresh, granted.lives_ms)
        return await self._store(site, journey.role, seen, pair, GrantKind.OAUTH, journey.terminal)

    async def _store(
        self,
        site: str,
        role: Role,
        seen: SeenAccount,
        given: TokenPair | ApiKey,
        kind: GrantKind,
        terminal: str | None = None,
    ) -> Connected | Trouble:
        if lacks(seen, trades=role is Role.FOLLOWER):
            return Trouble.PERMISSION
        known = await self._members.of(site, seen.uid)
        if known and known.leads and kind is GrantKind.OAUTH and await self._members.has_key(known.account):
            # A leader is watched by its key; a token cannot take its place, and is good enough to sign in.
            return Connected(known.account, [])
        member = _member(site, seen, known, applies=role is Role.LEADER)
        follows = role is Role.FOLLOWER
        checks = await self._examining.examine(site, seen, given, kind, follows=follows)
        await self._members.link(Linked(member, given, kind, terminal, checks), self._clock.now_ms())
        self._metrics.connected(kind)
        structlog.get_logger().info("account_connected", account=member.account, kind=kind.value, new=known is None)
        return Connected(member.account, checks)


def _scope(role: Role, way: Way) -> str:
    if way is Way.FAST_API:
        return "fast_api"
    return "read_only" if role is Role.LEADER else "read_only,trade"


def _challenge(verifier: Secret | None) -> str:
    """Spell a verifier as its challenge (RFC 7636, section 4.2, S256)."""
    if verifier is None:
        raise ValueError("a consent by PKCE has a verifier")
    return base64.urlsafe_b64encode(sha256(verifier.reveal().encode()).digest()).rstrip(b"=").decode()


def _passphrase() -> Secret:
    """Make a passphrase by the venue's rule: 8 to 32 characters, upper and lower case, a digit and a special one."""
    return Secret(f"{secrets.token_hex(12)}aA1!")


def _member(site: str, seen: SeenAccount, known: Member | None, *, applies: bool) -> Member:
    """Describe an account as it is now; that it may be followed is for operators to say."""
    return Member(
        account=known.account if known else AccountId(f"{site}-{seen.uid}"),
        site=site,
        uid=seen.uid,
        main_uid=seen.main_uid or seen.uid,
        leads=bool(known and known.leads),
        account_level=seen.level,
        position_mode=seen.position_mode,
        label=known.label if known else "",
        applied=applies or bool(known and known.applied),
    )


def _told(refused: ConsentRefused) -> Trouble:
    trouble = TROUBLES.get(refused.code, Trouble.REFUSED)
    level = "error" if trouble in FLEET else "warning"
    getattr(structlog.get_logger(), level)("consent_refused", code=refused.code, trouble=trouble.value)
    return trouble

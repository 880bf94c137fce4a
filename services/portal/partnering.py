"""USE CASE partners' platforms are let in by keys with scopes, and told by webhooks what happens."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from services.portal.hooks.guarding import Guard
from services.portal.hooks.signing import make_secret
from shared.ports import Clock
from shared.vault.secret import Secret


class Scope(StrEnum):
    """What a platform's key lets it do."""

    ACCOUNTS_READ = "accounts:read"
    COPIES_READ = "copies:read"
    SUBSCRIPTIONS_WRITE = "subscriptions:write"
    WEBHOOKS_WRITE = "webhooks:write"


@dataclass(frozen=True, slots=True)
class Key:
    """A platform's key without its text."""

    id: str
    label: str
    scopes: frozenset[str]
    made_ms: int
    revoked_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook without its secret."""

    id: str
    url: str
    kinds: Sequence[str]
    by: str
    made_ms: int


class Partners(Protocol):
    """Keys and webhooks as they are stored. ConnectionError from any: the store is away."""

    async def add_key(self, key: Key, text: str) -> None:
        """Write a key down, as its hash."""

    async def key(self, text: str) -> Key | None:
        """Return the key of a text, unless it is revoked."""

    async def keys(self) -> Sequence[Key]:
        """Return every key there ever was."""

    async def revoke(self, key: str, now_ms: int) -> bool:
        """End a key; False if there is none that works."""

    async def add_hook(self, hook: Hook, secret: Secret) -> None:
        """Write a webhook down."""

    async def hooks(self) -> Sequence[Hook]:
        """Return every webhook."""

    async def drop_hook(self, hook: str) -> bool:
        """Forget a webhook and what waits for it."""

    async def deliveries(
        self, hook: str, most: int, before: tuple[int, str] | None, state: str | None
    ) -> Sequence[Mapping[str, Any]]:
        """Return messages of a webhook, newest first."""

    async def replay(self, hook: str, since_ms: int | None, now_ms: int) -> int:
        """Send again what was given up, or everything since a moment."""

    async def note(self, actor: str, action: str, subject: str, details: Mapping[str, str]) -> None:
        """Write down what somebody did."""


class Partnering:
    """Lets platforms in and keeps their webhooks."""

    def __init__(self, partners: Partners, guard: Guard, clock: Clock) -> None:
        self._partners, self._guard, self._clock = partners, guard, clock

    async def make_key(self, label: str, scopes: Collection[Scope]) -> tuple[Key, Secret]:
        """Make a key; its text is told once and kept by nobody here."""
        key = Key(f"pk_{secrets.token_hex(6)}", label, frozenset(scopes), self._clock.now_ms())
        text = Secret(f"slipstream_{secrets.token_urlsafe(32)}")
        await self._partners.add_key(key, text.reveal())
        await self._partners.note("operator", "make_key", key.id, {"label": label, "scopes": ",".join(sorted(scopes))})
        return key, text

    async def key_of(self, text: str) -> Key | None:
        """Return the key of a text that works."""
        return await self._partners.key(text)

    async def keys(self) -> Sequence[Key]:
        """Return every key there ever was."""
        return await self._partners.keys()

    async def revoke(self, key: str) -> bool:
        """End a key, at once and for good; its webhooks stay. False if there is none that works."""
        revoked = await self._partners.revoke(key, self._clock.now_ms())
        if revoked:
            await self._partners.note("operator", "revoke_key", key, {})
        return revoked

    async def make_hook(self, by: str, url: str, kinds: Collection[str]) -> tuple[Hook, Secret]:
        """Make a webhook; its secret is told once.

        Raises:
            Unsafe: its URL may not be sent to.
        """
        checked = await self._guard.check(url)  # path and query may be secrets: they are written down nowhere else
        hook = Hook(f"wh_{secrets.token_hex(8)}", url, sorted(kinds), by, self._clock.now_ms())
        secret = make_secret()
        await self._partners.add_hook(hook, secret)
        await self._partners.note(
            by, "make_webhook", hook.id, {"host": checked.target.host, "kinds": ",".join(hook.kinds)}
        )
        return hook, secret

    async def hooks(self) -> Sequence[Hook]:
        """Return every webhook."""
        return await self._partners.hooks()

    async def hook(self, name: str) -> Hook | None:
        """Return a webhook."""
        return next((each for each in await self._partners.hooks() if each.id == name), None)

    async def drop_hook(self, by: str, name: str) -> bool:
        """Forget a webhook and what waits for it; False if there is none."""
        dropped = await self._partners.drop_hook(name)
        if dropped:
            await self._partners.note(by, "drop_webhook", name, {})
        return dropped

    async def deliveries(
        self, hook: str, most: int, before: tuple[int, str] | None, state: str | None
    ) -> Sequence[Mapping[str, Any]]:
        """Return messages of a webhook, newest first, without their bodies."""
        return await self._partners.deliveries(hook, most, before, state)

    async def replay(self, by: str, hook: str, since_ms: int | None) -> int:
        """Send again what was given up, or everything since a moment; returns how many messages."""
        again = await self._partners.replay(hook, since_ms, self._clock.now_ms())
        await self._partners.note(by, "replay_webhook", hook, {"messages": str(again)})
        return again

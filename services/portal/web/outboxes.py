"""The store as partners' platforms need it: their keys, their webhooks, and what is sent to them."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.portal.hooks.delivering import Waiting
from services.portal.hooks.happenings import Happening
from services.portal.hooks.outbox import Source, Wanting
from services.portal.partnering import Hook, Key
from shared.clock import SystemClock
from shared.domain.grants import GrantLife
from shared.domain.ids import AccountId, EntryId
from shared.domain.subscriptions import Subscription
from shared.store.audit import AuditLog, Deed
from shared.store.engine import Database
from shared.store.grants import Grants
from shared.store.partner_keys import PartnerKey, PartnerKeys
from shared.store.subscriptions import Subscriptions
from shared.store.webhooks import DELIVERED, FAILED, Message, Webhook, Webhooks, spell
from shared.vault.seal import Vault
from shared.vault.secret import Secret


class StoredPartners:
    """partnering.Partners over the store."""

    def __init__(self, database: Database, vault: Vault, clock: SystemClock) -> None:
        self._keys, self._webhooks = PartnerKeys(database), Webhooks(database, vault)
        self._audit, self._clock = AuditLog(database), clock

    async def add_key(self, key: Key, text: str) -> None:
        """Write a key down."""
        await self._keys.add(PartnerKey(key.id, key.label, key.scopes, key.made_ms), text)

    async def key(self, text: str) -> Key | None:
        """Return the key of a text, unless it is revoked."""
        found = await self._keys.find(text)
        return _key(found) if found else None

    async def keys(self) -> Sequence[Key]:
        """Return every key there ever was."""
        return [_key(each) for each in await self._keys.all()]

    async def revoke(self, key: str, now_ms: int) -> bool:
        """End a key."""
        return await self._keys.revoke(key, now_ms)

    async def add_hook(self, hook: Hook, secret: Secret) -> None:
        """Write a webhook down."""
        await self._webhooks.add(Webhook(hook.id, hook.url, tuple(hook.kinds), hook.by, hook.made_ms), secret)

    async def hooks(self) -> Sequence[Hook]:
        """Return every webhook."""
        return [Hook(each.id, each.url, each.kinds, each.by, each.made_ms) for each in await self._webhooks.all()]

    async def drop_hook(self, hook: str) -> bool:
        """Forget a webhook."""
        return await self._webhooks.drop(hook)

    async def deliveries(
        self, hook: str, most: int, before: tuple[int, str] | None, state: str | None
    ) -> Sequence[Mapping[str, Any]]:
        """Return messages of a webhook, newest first."""
        return await self._webhooks.shown(hook, most, before, state)

    async def replay(self, hook: str, since_ms: int | None, now_ms: int) -> int:
        """Send again what was given up, or everything since a moment."""
        return await self._webhooks.replay(hook, since_ms, now_ms)

    async def note(self, actor: str, action: str, subject: str, details: Mapping[str, str]) -> None:
        """Write down what somebody did."""
        await self._audit.append(Deed(actor, action, subject, details), self._clock.now_ms())


class StoredOutboxes:
    """outbox.Outboxes and delivering.Messages over the store."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._webhooks, self._grants = Webhooks(database, vault), Grants(database, vault)
        self._subscriptions, self._audit = Subscriptions(database), AuditLog(database)

    async def wanting(self) -> Sequence[Wanting]:
        """Return every webhook in use."""
        return [Wanting(each.id, frozenset(each.kinds), each.made_ms) for each in await self._webhooks.all()]

    async def place(self, source: Source) -> EntryId | None:
        """Return up to where a source is laid out."""
        return await self._webhooks.place(source.value)

    async def lay(
        self, happenings: Sequence[tuple[str, Happening]], now_ms: int, source: Source, place: EntryId | None
    ) -> None:
        """Lay happenings into outboxes."""
        messages = [
            Message(hook, each.id, each.kind.value, each.account, spell(each.as_json())) for hook, each in happenings
        ]
        await self._webhooks.lay(messages, now_ms, source.value, place)

    async def lives(self) -> Mapping[AccountId, GrantLife]:
        """Return what is known of every grant."""
        return await self._grants.lives()

    async def changed_since(self, at_ms: int) -> Sequence[Subscription]:
        """Return every version of a subscription made since a moment."""
        return await self._subscriptions.made_since(at_ms)

    async def left_since(self, at_ms: int) -> Sequence[tuple[AccountId, int]]:
        """Return who has left since a moment, and when."""
        return [(AccountId(subject), at) for subject, at in await self._audit.done_since("disconnect", at_ms)]

    async def prune(self, before_ms: int) -> int:
        """Forget what was finished before a moment."""
        return await self._webhooks.prune(before_ms)

    async def waiting(self, now_ms: int, per_hook: int, most: int) -> Sequence[Waiting]:
        """Return messages whose time has come."""
        due = await self._webhooks.due(now_ms, per_hook, most)
        return [Waiting(each.id, each.hook, each.url, each.secret, each.body, each.tries) for each in due]

    async def claim(self, message: Waiting, until_ms: int) -> bool:
        """Take a message until a moment."""
        return await self._webhooks.claim(message.id, message.tries, until_ms)

    async def delivered(self, message: Waiting, status: int, now_ms: int) -> None:
        """Note that a message was taken."""
        await self._webhooks.finish(message.id, message.tries + 1, DELIVERED, status, "", now_ms)

    async def failed(self, message: Waiting, why: str, again_ms: int | None, now_ms: int) -> None:
        """Note that it was not."""
        if again_ms is None:
            await self._webhooks.finish(message.id, message.tries + 1, FAILED, 0, why, now_ms)
        else:
            await self._webhooks.put_off(message.id, message.tries + 1, why, again_ms)

    async def backlog(self, now_ms: int) -> tuple[int, int]:
        """Return how many messages wait, and for how many milliseconds the oldest has."""
        return await self._webhooks.backlog(now_ms)


def _key(key: PartnerKey) -> Key:
    return Key(key.id, key.label, key.scopes, key.made_ms, key.revoked_ms)

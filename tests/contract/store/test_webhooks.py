"""Outboxes: a message once, a try for one who claims it, and what is told of whom claims too late."""

from shared.domain.ids import EntryId
from shared.store.engine import Database
from shared.store.partner_keys import PartnerKey, PartnerKeys
from shared.store.webhooks import DELIVERED, FAILED, Message, Webhook, Webhooks
from shared.vault.seal import Vault
from shared.vault.secret import Secret

VAULT = Vault([bytes(32)])
SECRET = Secret("whsec_AAAA")
NOON = 1_700_000_000_000


def message(number: int, hook: str = "wh_1", kind: str = "copy.made") -> Message:
    return Message(hook, f"event:{number}", kind, "anna", f'{{"number":{number}}}')


async def webhooks(database: Database, *names: str) -> Webhooks:
    store = Webhooks(database, VAULT)
    for name in names or ("wh_1",):
        await store.add(Webhook(name, "https://hooks.example/", ("copy.made",), "pk_1", NOON), SECRET)
    return store


async def test_a_message_is_laid_once_and_a_place_never_goes_back(database: Database) -> None:
    store = await webhooks(database)
    assert await store.lay([message(1), message(2)], NOON, "outcomes", EntryId("5-0")) == 2
    assert await store.lay([message(2), message(3)], NOON, "outcomes", EntryId("4-0")) == 1
    assert (await store.place("outcomes"), await store.place("changes")) == ("5-0", None)
    await store.lay([], NOON, "changes", EntryId("1-0"))
    assert (await store.place("outcomes"), await store.place("changes")) == ("5-0", "1-0")


async def test_a_try_belongs_to_who_claimed_it_and_a_late_word_changes_nothing(database: Database) -> None:
    store = await webhooks(database)
    await store.lay([message(1)], NOON)
    (due,) = await store.due(NOON, 4, 10)
    assert (due.url, due.secret.reveal(), due.tries) == ("https://hooks.example/", SECRET.reveal(), 0)
    assert await store.claim(due.id, 0, NOON + 10)
    assert not await store.claim(due.id, 0, NOON + 10)
    assert await store.due(NOON, 4, 10) == []
    (again,) = await store.due(NOON + 10, 4, 10)
    assert await store.claim(again.id, 1, NOON + 20)
    assert not await store.finish(due.id, 1, FAILED, 0, "too late", NOON + 11)
    assert not await store.put_off(due.id, 1, "too late", NOON + 11)
    assert await store.finish(due.id, 2, DELIVERED, 204, "", NOON + 12)
    assert not await store.finish(due.id, 2, FAILED, 0, "twice", NOON + 13)
    (shown,) = await store.shown("wh_1", 10, None, None)
    assert (shown["state"], shown["status"], shown["error"]) == (DELIVERED, 204, None)


async def test_each_webhook_has_its_share_and_pages_hold_everything_once(database: Database) -> None:
    store = await webhooks(database, "wh_1", "wh_2")
    await store.lay([message(number, hook) for number in range(30) for hook in ("wh_1", "wh_2")], NOON)
    due = await store.due(NOON, 4, 100)
    assert sorted(each.hook for each in due) == ["wh_1"] * 4 + ["wh_2"] * 4
    seen: list[str] = []
    before = None
    while page := await store.shown("wh_1", 7, before, None):
        seen += [each["id"] for each in page]
        before = page[-1]["created"], page[-1]["id"]
    assert len(seen) == len(set(seen)) == 30


async def test_what_was_given_up_is_sent_again_when_asked(database: Database) -> None:
    store = await webhooks(database)
    await store.lay([message(1), message(2)], NOON)
    first, second = await store.due(NOON, 4, 10)
    for each, state in ((first, FAILED), (second, DELIVERED)):
        await store.claim(each.id, 0, NOON + 10)
        await store.finish(each.id, 1, state, 200, "", NOON + 1)
    assert await store.replay("wh_1", None, NOON + 5) == 1
    assert [each.id for each in await store.due(NOON + 5, 4, 10)] == [first.id]
    assert await store.replay("wh_1", NOON, NOON + 6) == 2
    assert await store.backlog(NOON + 9) == (2, 9)


async def test_what_is_old_is_forgotten_but_for_what_would_be_told_again(database: Database) -> None:
    store = await webhooks(database)
    await store.lay([message(1), message(2, kind="grant.dead"), message(3)], NOON)
    for each in (await store.due(NOON, 4, 10))[:2]:
        await store.claim(each.id, 0, NOON + 10)
        await store.finish(each.id, 1, DELIVERED, 200, "", NOON + 1)
    await store.prune(NOON + 5)
    kept = await store.shown("wh_1", 10, None, None)
    assert {each["kind"] for each in kept if each["state"] == DELIVERED} <= {"grant.dead"}
    assert [each["state"] for each in kept].count("waiting") == 1
    assert await store.drop("wh_1")
    assert not await store.drop("wh_1")
    assert await store.shown("wh_1", 10, None, None) == []


async def test_a_secret_that_does_not_open_keeps_no_other_webhook_waiting(database: Database) -> None:
    await (await webhooks(database)).lay([message(1), message(2, "wh_2")], NOON)
    other = Webhooks(database, Vault([bytes(31) + b"1"]))
    await other.add(Webhook("wh_2", "https://hooks.example/", ("copy.made",), "pk_1", NOON), SECRET)
    assert [each.hook for each in await other.due(NOON, 4, 10)] == ["wh_2"]


async def test_a_key_is_found_by_its_text_until_it_is_revoked(database: Database) -> None:
    keys, key = PartnerKeys(database), PartnerKey("pk_1", "ours", frozenset({"copies:read"}), NOON)
    await keys.add(key, "its text")
    assert (await keys.find("its text"), await keys.find("another")) == (key, None)
    assert (await keys.revoke("pk_1", NOON + 1), await keys.revoke("pk_1", NOON + 2)) == (True, False)
    assert await keys.find("its text") is None
    assert [each.revoked_ms for each in await keys.all()] == [NOON + 1]

"""Of two copies of a key the later one stays, whoever writes last; what is read is what was written."""

from shared.messages.copy import Copy
from shared.store.copies import RedisCopies
from shared.store.engine import Database

LANE, OTHER = {b"seq": b"1", b"strand:x": bytes(range(256))}, {b"seq": b"2"}


async def test_before_the_first_copy_there_is_none(database: Database) -> None:
    assert await RedisCopies(database).load() is None


async def test_what_was_copied_is_read_back(database: Database) -> None:
    store = RedisCopies(database)
    copy = Copy(7_000, {"lane:00": LANE}, {"leader": {b"event": 5.0}}, [(b"1-0", b"{}")])
    await store.save(copy)
    assert await store.load() == copy


async def test_what_did_not_change_stays_from_the_copy_before(database: Database) -> None:
    store = RedisCopies(database)
    await store.save(Copy(7_000, {"lane:00": LANE, "lane:01": LANE}, {}, [(b"1-0", b"{}")]))
    await store.save(Copy(8_000, {"lane:01": OTHER}, {}, []))
    assert await store.load() == Copy(8_000, {"lane:00": LANE, "lane:01": OTHER}, {}, [])


async def test_a_late_writer_does_not_bring_an_older_copy_back(database: Database) -> None:
    store = RedisCopies(database)
    await store.save(Copy(8_000, {"lane:00": OTHER}, {}, []))
    await store.save(Copy(7_000, {"lane:00": LANE}, {}, [(b"1-0", b"{}")]))
    assert await store.load() == Copy(8_000, {"lane:00": OTHER}, {}, [])

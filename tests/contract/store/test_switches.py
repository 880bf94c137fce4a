"""Throws of kill switches: the newest of each place, and which are not in the stream."""

from shared.domain.switches import Action, Scope, Switch
from shared.store.engine import Database
from shared.store.switches import Switches

STOP = Switch(Scope.LEADER, "whale", Action.STOP_OPENS, 5)
LIFT = Switch(Scope.LEADER, "whale", Action.LIFT, 9)
FLATTEN = Switch(Scope.PLATFORM, "", Action.FLATTEN, 7)


async def test_the_newest_of_each_scope_and_name_counts_lifted_or_not(database: Database) -> None:
    store = Switches(database)
    for each in (STOP, FLATTEN, LIFT, STOP):
        await store.put(each)
    assert await store.newest() == [LIFT, FLATTEN]


async def test_what_is_not_in_the_stream_is_known_oldest_first_until_it_is(database: Database) -> None:
    store = Switches(database)
    for each in (LIFT, STOP, FLATTEN):
        await store.put(each)
    assert await store.unpublished() == [STOP, FLATTEN, LIFT]
    await store.mark_published([STOP, LIFT], 20)
    await store.mark_published([STOP], 30)
    assert await store.unpublished() == [FLATTEN]

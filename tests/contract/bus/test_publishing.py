"""Every fill reaches the stream once, stamped on the state in force, however many publish."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from shared.bus.epoch import CLOCK_MARGIN_MS
from shared.bus.streams import REMEMBERED_MS
from shared.domain.ids import STREAM_START, EventId, InstId
from shared.domain.lanes import Lane
from shared.domain.quantities import Contracts
from shared.messages.entries import TradeEventV1, decode, write_subscription, write_trade_event
from shared.messages.leader import LeaderState, Published
from tests.support.builders import BTC, LEADER, NOON_MS, event, subscription
from tests.support.bus import Bus

ONE = Contracts(Decimal(1))


def message(number: int, at_ms: int | None = None) -> TradeEventV1:
    return write_trade_event(event(number - 1, number, number=number, at_ms=at_ms))


async def ready(bus: Bus) -> LeaderState:
    await bus.renew_epoch(NOON_MS)
    return await bus.publisher.state(LEADER)


async def publish(bus: Bus, state: LeaderState, *messages: TradeEventV1, now_ms: int = NOON_MS + 100) -> Published:
    positions = {BTC: Contracts(Decimal(messages[-1].after))} if messages else {}
    last_ms = max((each.filled_ms for each in messages), default=0)
    return await bus.publisher.publish(LEADER, state, messages, positions, last_ms, now_ms)


async def published(bus: Bus) -> list[str]:
    rows = await bus.trades.after(STREAM_START, await bus.trades.last(), 1000)
    return [decode(payload).id for _, payload in rows]


async def test_events_of_one_step_stand_in_the_stream_in_order(bus: Bus) -> None:
    messages = [message(number) for number in (1, 2, 3)]
    assert await publish(bus, await ready(bus), *messages) is Published.OK
    assert await published(bus) == [each.id for each in messages]


async def test_a_publication_moves_version_positions_and_last_fill(bus: Bus) -> None:
    before = await ready(bus)
    await publish(bus, before, message(1), message(2))
    after = await bus.publisher.state(LEADER)
    assert (before.version, after.version) == (0, 1)
    assert (after.positions, after.last_ms) == ({BTC: Contracts(Decimal(2))}, NOON_MS + 2)
    assert after.since_ms == NOON_MS + CLOCK_MARGIN_MS


async def test_the_last_fill_never_goes_back(bus: Bus) -> None:
    await publish(bus, await ready(bus), message(9))
    await publish(bus, await bus.publisher.state(LEADER), message(3))
    assert (await bus.publisher.state(LEADER)).last_ms == NOON_MS + 9


async def test_an_id_is_published_once(bus: Bus) -> None:
    await publish(bus, await ready(bus), message(1))
    again = await publish(bus, await bus.publisher.state(LEADER), message(1), message(2))
    assert again is Published.STALE
    assert await published(bus) == [message(1).id]


async def test_what_was_computed_from_an_older_version_is_refused_whole(bus: Bus) -> None:
    old = await ready(bus)
    await publish(bus, old, message(1))
    assert await publish(bus, old, message(2)) is Published.STALE
    assert await published(bus) == [message(1).id]
    assert (await bus.publisher.state(LEADER)).positions == {BTC: ONE}


async def test_of_two_that_race_one_is_told_to_compute_again(bus: Bus) -> None:
    state = await ready(bus)
    answers = await asyncio.gather(publish(bus, state, message(1)), publish(bus, state, message(2)))
    assert sorted(answers) == sorted([Published.OK, Published.STALE])
    assert len(await published(bus)) == 1


async def test_before_the_first_epoch_nothing_is_published(bus: Bus) -> None:
    assert await publish(bus, await bus.publisher.state(LEADER), message(1)) is Published.EPOCH
    assert await published(bus) == []


async def test_what_was_computed_on_another_server_is_refused_although_the_version_agrees(bus: Bus) -> None:
    state = await ready(bus)
    assert await publish(bus, replace(state, server="0" * 40), message(1)) is Published.STALE
    assert await published(bus) == []


async def test_ids_never_published_are_told_from_the_others(bus: Bus) -> None:
    await publish(bus, await ready(bus), message(1))
    await bus.publisher.mark_published(LEADER, [(EventId(message(2).id), NOON_MS)])
    ids = [EventId(message(number).id) for number in (1, 2, 3)]
    assert await bus.publisher.unpublished(LEADER, ids) == {ids[2]}
    assert await bus.publisher.unpublished(LEADER, []) == set()


async def test_what_is_forgotten_raises_the_floor_which_never_falls(bus: Bus) -> None:
    await publish(bus, await ready(bus), message(1))
    far = NOON_MS + REMEMBERED_MS + 50
    await publish(bus, await bus.publisher.state(LEADER), message(2, at_ms=far), now_ms=far)
    assert (await bus.publisher.state(LEADER)).floor_ms == NOON_MS + 50
    assert await bus.publisher.unpublished(LEADER, [EventId(message(1).id)])
    await bus.publisher.mark_published(LEADER, [(EventId("late"), NOON_MS + 5)])
    await publish(bus, await bus.publisher.state(LEADER), message(3, at_ms=far + 1), now_ms=far - 20)
    assert (await bus.publisher.state(LEADER)).floor_ms == NOON_MS + 50


async def test_an_empty_publication_confirms_a_leader(bus: Bus) -> None:
    state = await ready(bus)
    assert not await bus.trades.confirmed(LEADER)
    assert await publish(bus, state) is Published.OK
    assert await bus.trades.confirmed(LEADER)
    assert await published(bus) == []


async def test_a_version_of_a_subscription_is_announced_once(bus: Bus) -> None:
    first, second = (write_subscription(subscription(version=version)) for version in (1, 2))
    answers = [await bus.subscriptions.publish(each) for each in ([first], [first, second], [second, first])]
    assert answers == [1, 1, 0]
    assert await published(bus) == [first.id, second.id]


async def test_reading_stops_at_both_ends_and_at_the_count(bus: Bus) -> None:
    state = await ready(bus)
    assert await bus.trades.last() == STREAM_START
    await publish(bus, state, *(message(number) for number in range(1, 6)))
    last = await bus.trades.last()
    entries = [entry for entry, _ in await bus.trades.after(STREAM_START, last, 1000)]
    assert [entry for entry, _ in await bus.trades.after(entries[0], entries[3], 1000)] == entries[1:4]
    assert [entry for entry, _ in await bus.trades.after(entries[0], last, 2)] == entries[1:3]
    assert await bus.trades.after(last, last, 1000) == []
    assert entries[-1] == last


async def test_trimming_keeps_what_is_asked_for_and_the_end_of_the_stream(bus: Bus) -> None:
    await publish(bus, await ready(bus), *(message(number) for number in range(1, 300)))
    last = await bus.trades.last()
    await bus.trades.trim(last)
    rows = await bus.trades.after(STREAM_START, last, 1000)
    assert rows[-1][0] == last == await bus.trades.last()
    assert len(rows) < 299


async def test_what_cannot_be_read_is_set_aside_with_its_reason(bus: Bus) -> None:
    await publish(bus, await ready(bus), message(1))
    entry = await bus.trades.last()
    await bus.trades.bury(entry, b"\xff{", "not JSON")
    assert await bus.dead() == [(entry, b"\xff{", "not JSON")]


@pytest.mark.parametrize("passed", [0, 1, 3])
async def test_the_mirror_shows_how_far_a_lane_is_behind(bus: Bus, passed: int) -> None:
    await publish(bus, await ready(bus), *(message(number) for number in (1, 2, 3)))
    entries = [entry for entry, _ in await bus.trades.after(STREAM_START, await bus.trades.last(), 10)]
    offset = entries[passed - 1] if passed else STREAM_START
    for _ in range(2):
        await bus.store.mirror({Lane(0): offset, Lane(1): entries[-1]})
    assert (await bus.lag(Lane(0)), await bus.lag(Lane(1))) == (3 - passed, 0)


async def test_positions_of_several_instruments_are_kept_apart(bus: Bus) -> None:
    other = InstId("ETH-USDT-SWAP")
    state = await ready(bus)
    await bus.publisher.publish(LEADER, state, [], {BTC: ONE, other: Contracts(Decimal("-0.5"))}, 0, NOON_MS)
    assert (await bus.publisher.state(LEADER)).positions == {BTC: ONE, other: Contracts(Decimal("-0.5"))}

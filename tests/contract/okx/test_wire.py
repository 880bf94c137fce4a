"""What the wire promises beyond the other way out: its line, its pool, its distrust; on real sockets."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shared.clock import SystemClock
from shared.okx.errors import NotSent, Unanswered
from shared.okx.pool import WireLimits
from shared.okx.protocol import GET, POST, Request
from shared.okx.wire import Wire
from tests.contract.okx.certificates import self_signed
from tests.contract.okx.raw_servers import Behaviour, Host, Visit, always, answer, hosting
from tests.support.clock import FakeClock
from tests.support.waiting import until

ASK = Request(GET, "/")
HOUR = 3_600.0


@asynccontextmanager
async def wired(
    behaviour: Behaviour, connections: int = 4, waiting: int = 100, queue_s: float = 5
) -> AsyncIterator[tuple[Host, Wire]]:
    limits = WireLimits(connections=connections, waiting=waiting, queue_s=queue_s)
    async with hosting(behaviour) as host, Wire(host.origin, SystemClock(), limits) as wire:
        yield host, wire


async def hold(visit: Visit) -> None:
    """Read for ever, answer nothing."""
    while await visit.request():
        pass


@pytest.mark.parametrize("surplus", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"\x00"])
async def test_bytes_behind_an_answer_make_it_no_answer(surplus: bytes) -> None:
    async with wired(always(answer() + surplus)) as (_, wire):
        with pytest.raises(Unanswered):
            await wire.send(ASK, 1)
        assert wire.open == 0


async def test_bytes_nobody_asked_for_close_an_idle_connection() -> None:
    async def chatty(visit: Visit) -> None:
        await visit.say(answer(b"unasked"))
        await visit.reader.read()

    async with wired(chatty) as (host, wire):
        await wire.warm(1)
        await until(lambda: wire.open == 0)
        assert host.visits == 1


async def test_an_oversized_answer_is_no_answer() -> None:
    async with wired(always(answer(b" " * (1 << 20)))) as (_, wire):
        with pytest.raises(Unanswered, match="exceeds"):
            await wire.send(ASK, 5)
        assert wire.open == 0


async def test_an_interim_answer_is_no_answer() -> None:
    async with wired(always(b"HTTP/1.1 100 Continue\r\n\r\n")) as (_, wire):
        with pytest.raises(Unanswered, match="interim"):
            await wire.send(ASK, 1)


async def test_a_connection_whose_other_side_stopped_reading_is_not_used_again() -> None:
    async def hasty(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        await visit.say(answer())
        await asyncio.Event().wait()

    async with wired(hasty) as (_, wire):
        assert (await wire.send(Request(POST, "/", body=bytes(16 << 20)), 5)).status == 200
        assert wire.open == 0


async def test_who_waits_in_line_is_served_in_order() -> None:
    order: list[bytes] = []

    async def note(visit: Visit) -> None:
        while request := await visit.request():
            order.append(request.split(b" ")[1])
            await visit.say(answer())

    async with wired(note, connections=1) as (host, wire):
        await asyncio.gather(*(wire.send(Request(GET, f"/{number}"), 1) for number in range(10)))
        assert order == [b"/%d" % number for number in range(10)]
        assert host.visits == 1


async def test_a_full_line_refuses_at_once() -> None:
    async with wired(hold, connections=1, waiting=1) as (host, wire), asyncio.TaskGroup() as group:
        tasks = [group.create_task(_outcome(wire)) for _ in range(3)]
        await until(lambda: host.requests and wire.waiting == 1)
        assert await tasks[2] == "NotSent"
        wire.close()
        assert [await task for task in tasks[:2]] == ["Unanswered", "NotSent"]


async def test_waiting_in_line_ends_in_time_and_nothing_was_sent() -> None:
    async with wired(hold, connections=1, queue_s=0.05) as (host, wire), asyncio.TaskGroup() as group:
        first = group.create_task(_outcome(wire, 0.3))
        await until(lambda: host.requests)
        with pytest.raises(NotSent, match="became free"):
            await wire.send(ASK, 1)
        assert await first == "Unanswered"
        assert len(host.requests) == 1


async def test_a_connection_that_comes_too_late_carries_nothing() -> None:
    """Who waited in line may have lost the right to send by its turn; then no byte leaves."""
    clock, release = SystemClock(), asyncio.Event()

    async def slow(visit: Visit) -> None:
        while await visit.request():
            await release.wait()
            await visit.say(answer())

    async with wired(slow, connections=1) as (host, wire), asyncio.TaskGroup() as group:
        first = group.create_task(_outcome(wire))
        await until(lambda: host.requests)
        leave_before = clock.monotonic() + 0.05
        late = group.create_task(_refused(wire, leave_before))
        await until(lambda: wire.waiting == 1 and clock.monotonic() > leave_before)
        release.set()
        assert await first == "200"
        assert "could not leave in time" in await late
        assert (len(host.requests), wire.open) == (1, 1), "nothing was sent, and the connection serves others"
        assert await _outcome(wire) == "200"


async def _refused(wire: Wire, leave_before: float) -> str:
    with pytest.raises(NotSent) as refused:
        await wire.send(Request(POST, "/late"), 5, leave_before)
    return str(refused.value)


async def test_a_sender_cancelled_in_line_costs_the_others_nothing() -> None:
    release = asyncio.Event()

    async def slow(visit: Visit) -> None:
        while await visit.request():
            await release.wait()
            await visit.say(answer())

    async with wired(slow, connections=1) as (_, wire):
        tasks = [asyncio.create_task(_outcome(wire)) for _ in range(4)]
        await until(lambda: wire.waiting == 3)
        tasks[1].cancel()
        release.set()
        assert [await tasks[number] for number in (0, 2, 3)] == ["200"] * 3
        assert wire.open == 1


async def test_a_sender_cancelled_as_its_turn_comes_hands_it_on() -> None:
    """The connection is already its own, and it never takes it."""
    release = asyncio.Event()

    async def slow(visit: Visit) -> None:
        while await visit.request():
            await release.wait()
            await visit.say(answer())

    async with wired(slow, connections=1) as (_, wire):
        waiting: list[asyncio.Task[str]] = []

        async def send_then_cancel_the_next() -> None:
            await wire.send(ASK, 5)
            waiting[0].cancel()  # in the very step that handed the connection over

        first = asyncio.create_task(send_then_cancel_the_next())
        await asyncio.sleep(0)
        waiting += [asyncio.create_task(_outcome(wire)) for _ in range(2)]
        await until(lambda: wire.waiting == 2)
        release.set()
        await first
        assert await waiting[1] == "200"
        assert waiting[0].cancelled()
        assert wire.open == 1


async def test_a_lost_connection_gives_its_place_to_who_waits() -> None:
    async def once(visit: Visit) -> None:
        await visit.request()
        visit.reset()

    async with wired(once, connections=1) as (host, wire):
        assert await asyncio.gather(*(_outcome(wire) for _ in range(5))) == ["Unanswered"] * 5
        assert (host.visits, wire.open) == (5, 0)


async def test_warming_opens_connections_that_are_then_used() -> None:
    async with wired(always(answer()), connections=4) as (host, wire):
        await wire.warm(3)
        await until(lambda: host.visits == 3)
        await asyncio.gather(*(wire.send(ASK, 1) for _ in range(3)))
        await wire.warm(99)
        assert (wire.open, host.visits) == (4, 4)


async def test_warming_a_host_out_of_reach_says_so_and_keeps_its_places() -> None:
    async with hosting(always(answer())) as host:
        pass
    async with Wire(host.origin, SystemClock(), WireLimits(connections=2)) as wire:
        with pytest.raises(NotSent):
            await wire.warm(2)
        assert wire.open == 0


async def test_an_old_connection_is_not_trusted_with_a_request() -> None:
    clock = FakeClock()
    async with hosting(always(answer())) as host, Wire(host.origin, clock, WireLimits(idle_s=50)) as wire:
        await wire.send(ASK, HOUR)
        await clock.advance(49)
        await wire.send(ASK, HOUR)
        assert host.visits == 1
        await clock.advance(51)
        await wire.send(ASK, HOUR)
        assert (host.visits, wire.open) == (2, 1)


async def test_keeping_warm_replaces_what_grows_old() -> None:
    clock = FakeClock()
    async with hosting(always(answer())) as host, Wire(host.origin, clock, WireLimits(idle_s=50)) as wire:
        keeping = asyncio.create_task(wire.keep_warm(lambda: 2, every_s=10))
        await until(lambda: host.visits == 2 and clock.sleepers)
        for _ in range(4):
            await clock.advance(10)
        await until(lambda: host.visits == 4 and wire.open == 2 and clock.sleepers)
        keeping.cancel()


async def test_closing_ends_everything_for_good() -> None:
    async with wired(hold) as (host, wire):
        pending = asyncio.create_task(_outcome(wire))
        await until(lambda: host.requests)
        wire.close()
        assert await pending == "Unanswered"
        with pytest.raises(NotSent):
            await wire.send(ASK, 1)
        assert wire.open == 0


async def test_tls_is_verified_before_a_byte_of_the_request_leaves() -> None:
    served, trusted = self_signed("127.0.0.1")
    async with hosting(always(answer()), served) as host:
        async with Wire(host.origin, SystemClock()) as wire:
            with pytest.raises(NotSent, match="certificate verify failed"):
                await wire.send(ASK, 1)
        async with Wire(host.origin, SystemClock(), tls=trusted) as wire:
            assert (await wire.send(ASK, 1)).status == 200
        assert len(host.requests) == 1


async def test_tls_for_another_name_is_refused() -> None:
    served, trusted = self_signed("www.okx.example")
    async with hosting(always(answer()), served) as host, Wire(host.origin, SystemClock(), tls=trusted) as wire:
        assert trusted.verify_mode is ssl.CERT_REQUIRED
        with pytest.raises(NotSent, match="certificate verify failed"):
            await wire.send(ASK, 1)


@pytest.mark.parametrize("origin", ["http://www.okx.com", "ftp://127.0.0.1", "https://", "https://a/b", "127.0.0.1:80"])
def test_an_origin_that_is_unsafe_or_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        Wire(origin, SystemClock())


async def _outcome(wire: Wire, timeout_s: float = 5) -> str:
    try:
        return str((await wire.send(ASK, timeout_s)).status)
    except (NotSent, Unanswered) as error:
        return type(error).__name__


async def test_who_sent_hears_also_when_opening_fails_in_a_way_nobody_foresaw(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is never told waits for ever, and a close with it."""

    async def broken(*_: object, **__: object) -> None:
        raise ValueError("ours")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", broken)
    heard: list[object] = []
    async with Wire("http://127.0.0.1:9", SystemClock()) as wire:
        wire.dispatch(Request(GET, "/"), 1.0, float("inf"), heard.append)
        await until(lambda: heard)
        assert wire.open == 0
    assert [type(each) for each in heard] == [NotSent]

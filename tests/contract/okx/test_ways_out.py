"""What both ways out to OKX promise, on real sockets.

The heart of it: `NotSent` means that the host saw nothing, so the request may go again; everything else that is not a
whole answer is `Unanswered`, and an order behind it must be asked for.
"""

import asyncio
import socket

import pytest

from shared.okx.errors import NotSent, OkxError, Unanswered
from shared.okx.protocol import GET, POST, Request, Response, WayOut
from tests.contract.okx.raw_servers import Behaviour, Visit, always, answer, hosting
from tests.contract.okx.ways_out import opened

pytestmark = pytest.mark.parametrize("kind", ["wire", "transport"])

ORDER = Request(POST, "/api/v5/trade/order", b"Authorization: Bearer abc\r\nexpTime: 1\r\n", b'{"sz":"1"}')
PATIENCE_S = 0.2


async def silent(visit: Visit) -> None:
    await visit.request()
    await visit.reader.read()


async def reset_at_once(visit: Visit) -> None:
    visit.reset()


async def reset_after_reading(visit: Visit) -> None:
    await visit.request()
    visit.reset()


async def close_after_reading(visit: Visit) -> None:
    await visit.request()


async def cut_off_in_the_body(visit: Visit) -> None:
    await visit.request()
    await visit.say(answer(b'{"code":"0"}')[:-5])


async def cut_off_in_a_chunk(visit: Visit) -> None:
    await visit.request()
    await visit.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")


async def junk(visit: Visit) -> None:
    await visit.request()
    await visit.say(b"\x16\x03\x01 this is not HTTP\r\n\r\n")


async def trickle(visit: Visit) -> None:
    await visit.request()
    for byte in answer(b" " * 500):
        await visit.say(bytes([byte]))
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "behaviour",
    [silent, reset_after_reading, close_after_reading, cut_off_in_the_body, cut_off_in_a_chunk, junk, trickle],
)
async def test_a_request_that_was_read_and_not_answered_whole_is_unanswered(kind: str, behaviour: Behaviour) -> None:
    async with hosting(behaviour) as host, opened(kind, host.origin) as way:
        with pytest.raises(Unanswered):
            await way.send(ORDER, PATIENCE_S)
        assert len(host.requests) == 1


async def test_a_reset_before_reading_is_not_sent_only_if_nothing_arrived(kind: str) -> None:
    for _ in range(20):
        async with hosting(reset_at_once) as host, opened(kind, host.origin) as way:
            with pytest.raises(OkxError) as caught:
                await way.send(ORDER, PATIENCE_S)
            assert isinstance(caught.value, NotSent | Unanswered)
            assert host.requests == []


async def test_a_refused_connection_is_not_sent(kind: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with opened(kind, origin) as way:
            with pytest.raises(NotSent):
                await way.send(ORDER, PATIENCE_S)


async def test_a_connection_nobody_accepts_is_not_sent(kind: str) -> None:
    """A full backlog swallows the handshake: the connection never opens."""
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        async with opened(kind, f"http://127.0.0.1:{deaf.getsockname()[1]}") as way:
            with pytest.raises(NotSent):
                await way.send(ORDER, PATIENCE_S)


async def test_an_answer_comes_back_whole_with_its_status(kind: str) -> None:
    async with hosting(always(answer(b'{"code":"0"}'))) as host, opened(kind, host.origin) as way:
        assert await way.send(ORDER, 1) == Response(200, b'{"code":"0"}')


async def test_what_leaves_is_what_was_asked_for(kind: str) -> None:
    async with (
        hosting(always(answer())) as host,
        opened(kind, host.origin, headers=b"x-simulated-trading: 1\r\nUser-Agent: slipstream/1\r\n") as way,
    ):
        await way.send(ORDER, 1)
        await way.send(Request(GET, "/api/v5/trade/order?instId=A&clOrdId=b"), 1)
    order, question = host.requests
    assert order.startswith(b"POST /api/v5/trade/order HTTP/1.1\r\n")
    assert order.endswith(b'\r\n\r\n{"sz":"1"}')
    head = order.lower()
    for line in (b"authorization: bearer abc", b"exptime: 1", b"x-simulated-trading: 1", b"user-agent: slipstream/1"):
        assert head.count(b"\r\n" + line + b"\r\n") == 1
    assert b"\r\nhost: 127.0.0.1:" in head
    assert question.startswith(b"GET /api/v5/trade/order?instId=A&clOrdId=b HTTP/1.1\r\n")
    assert b"authorization" not in question.lower()


async def test_a_chunked_answer_is_put_together(kind: str) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with hosting(always(chunked)) as host, opened(kind, host.origin) as way:
        assert await way.send(ORDER, 1) == Response(200, b"abcde")


async def test_an_error_page_is_an_answer_to_be_judged_by_others(kind: str) -> None:
    page = answer(b"<html>Bad Gateway</html>", b"502 Bad Gateway")
    async with hosting(always(page)) as host, opened(kind, host.origin) as way:
        assert await way.send(ORDER, 1) == Response(502, b"<html>Bad Gateway</html>")


async def test_a_redirect_is_not_followed(kind: str) -> None:
    page = answer(b"", b"302 Found", b"Location: /elsewhere\r\n")
    async with hosting(always(page)) as host, opened(kind, host.origin) as way:
        assert (await way.send(ORDER, 1)).status == 302
        assert len(host.requests) == 1


async def test_a_cookie_is_not_given_back(kind: str) -> None:
    async with hosting(always(answer(headers=b"Set-Cookie: a=b\r\n"))) as host, opened(kind, host.origin) as way:
        for _ in range(6):  # more than there are pools
            await way.send(ORDER, 1)
    assert all(b"cookie" not in request.lower() for request in host.requests)


async def test_a_connection_is_used_again(kind: str) -> None:
    async with hosting(always(answer())) as host, opened(kind, host.origin) as way:
        for _ in range(10):
            await way.send(ORDER, 1)
        assert host.visits <= 2  # one for each pool


async def test_a_connection_closed_while_idle_is_replaced_and_nothing_is_lost(kind: str) -> None:
    async def one_answer(visit: Visit) -> None:
        await visit.request()
        await visit.say(answer())

    async with hosting(one_answer) as host, opened(kind, host.origin) as way:
        for _ in range(5):
            host.left.clear()
            assert (await way.send(ORDER, 1)).status == 200
            await host.left.wait()
            await _noticed(way)
        assert len(host.requests) == 5


async def test_an_answer_that_closes_the_connection_is_an_answer(kind: str) -> None:
    async with hosting(always(answer(headers=b"Connection: close\r\n"))) as host, opened(kind, host.origin) as way:
        assert [(await way.send(ORDER, 1)).status for _ in range(3)] == [200, 200, 200]
        assert host.visits == 3


async def test_a_cancelled_request_leaves_its_answer_to_nobody(kind: str) -> None:
    """The connection is given up: the late answer must not become the next request's."""
    held = asyncio.Event()

    async def late(visit: Visit) -> None:
        while request := await visit.request():
            if b"first" in request:
                held.set()
            else:
                await visit.say(answer(b"second"))

    async with hosting(late) as host, opened(kind, host.origin) as way:
        first = asyncio.create_task(way.send(Request(GET, "/first"), 5))
        await held.wait()
        first.cancel()
        assert await way.send(Request(GET, "/second"), 1) == Response(200, b"second")
        with pytest.raises(asyncio.CancelledError):
            await first


async def test_two_hundred_at_once_each_get_their_own_answer(kind: str) -> None:
    async def echo(visit: Visit) -> None:
        while request := await visit.request():
            await visit.say(answer(request.split(b" ")[1]))

    async with hosting(echo) as host, opened(kind, host.origin) as way:
        answers = await asyncio.gather(*(way.send(Request(GET, f"/{number}"), 5) for number in range(200)))
    assert [one.body for one in answers] == [b"/%d" % number for number in range(200)]
    assert host.visits <= 20


async def _noticed(way: WayOut) -> None:
    """Wait until the end of an idle connection has reached us; a transport looks for it when it picks one."""
    while getattr(way, "open", 0):
        await asyncio.sleep(0.001)

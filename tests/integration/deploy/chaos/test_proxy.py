"""The proxy lets everything through, nothing, or nothing of the past, as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.chaos.proxy import Proxy
from tests.support.waiting import until


@asynccontextmanager
async def echoing() -> AsyncIterator[tuple[Proxy, list[bytes]]]:
    """Run a proxy before a server that answers what it hears; also give what the server heard."""
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            heard.append(data)
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy = Proxy(lambda: port)
    await proxy.start()
    try:
        yield proxy, heard
    finally:
        await proxy.stop()
        server.close()


async def test_what_is_said_is_heard_and_answered() -> None:
    async with echoing() as (proxy, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"hello")
        assert await asyncio.wait_for(reader.read(100), 2) == b"hello"
        writer.close()


async def test_a_cut_holds_back_what_is_said_until_it_is_mended() -> None:
    async with echoing() as (proxy, heard):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"before")
        assert await asyncio.wait_for(reader.read(100), 2) == b"before"
        proxy.cut()
        writer.write(b"meanwhile")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(100), 0.1)
        assert heard == [b"before"]
        proxy.mend()
        assert await asyncio.wait_for(reader.read(100), 2) == b"meanwhile"
        writer.close()


async def test_a_hard_mend_loses_what_was_held_back_with_its_connection() -> None:
    async with echoing() as (proxy, heard):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"before")
        assert await asyncio.wait_for(reader.read(100), 2) == b"before"
        proxy.cut()
        writer.write(b"lost")
        proxy.mend(hard=True)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(reader.readexactly(1), 2)
        _, again = await asyncio.open_connection("127.0.0.1", proxy.port)
        again.write(b"after")
        await until(lambda: b"after" in heard)
        assert b"lost" not in heard
        again.close()


async def test_a_connection_made_during_a_cut_is_served_afterwards() -> None:
    async with echoing() as (proxy, _):
        proxy.cut()
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"late")
        proxy.mend()
        assert await asyncio.wait_for(reader.read(100), 2) == b"late"
        writer.close()

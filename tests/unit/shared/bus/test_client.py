"""The client's callers can be cancelled at any moment, whatever the client makes of it."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as ConnectionLost

from shared.bus.client import open_redis


async def asked(client: Redis) -> object:
    return await client.get("key")


@pytest.mark.parametrize("answer", [b"late", ConnectionLost("late")])
async def test_a_cancellation_the_client_swallows_still_ends_its_caller(
    answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def swallow(self: Redis, *args: Any, **options: Any) -> object:
        del self, args, options
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if isinstance(answer, Exception):
                raise answer from None
        return answer

    monkeypatch.setattr(Redis, "execute_command", swallow)
    client = open_redis("redis://127.0.0.1:1/0", "", 1.0, 1)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(asked(client))
        await asyncio.sleep(0)
        asking.cancel()
    assert asking.cancelled()


async def test_an_answer_comes_through_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answered(self: Redis, *args: Any, **options: Any) -> tuple[object, ...]:
        del self, options
        return args

    monkeypatch.setattr(Redis, "execute_command", answered)
    client = open_redis("redis://127.0.0.1:1/0", "", 1.0, 1)
    assert await asked(client) == ("GET", "key")

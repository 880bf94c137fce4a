"""A connection that follows ends once whoever opened it may not follow any more."""

from collections.abc import AsyncGenerator

from services.portal.live import Told
from services.portal.web.following import spelled
from tests.support.clock import FakeClock


async def alive(clock: FakeClock, ended: list[bool]) -> AsyncGenerator[Told, None]:
    """Give a sign of life every six seconds, for ever."""
    try:
        while True:
            yield Told()
            await clock.sleep(6)
    finally:
        ended.append(True)


async def follow(answers: list[bool]) -> tuple[int, int, bool]:
    """Return how often something was told, how often somebody asked, and whether the source was let go."""
    clock, ended, asked, told = FakeClock(auto=True), list[bool](), 0, 0

    async def allowed() -> bool:
        nonlocal asked
        asked += 1
        return answers.pop(0)

    async for _ in spelled(alive(clock, ended), allowed, clock):
        told += 1
        if told == 100:
            break
    return told, asked, bool(ended)


async def test_a_revoked_key_or_an_ended_session_is_noticed_within_seconds() -> None:
    assert await follow([True, False]) == (4, 2, True)


async def test_whoever_still_may_is_asked_now_and_then_and_goes_on() -> None:
    told, asked, _ = await follow([True] * 100)
    assert told == 100
    assert 40 <= asked <= 60

"""One follower's poison is that follower's alone, survives a takeover, and ends only by being reconciled."""

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.follower_worker import replay
from shared.bus.embedded import EmbeddedServer
from shared.bus.streams import CommandPublisher
from shared.domain.ids import AccountId
from shared.domain.lanes import Lane
from shared.domain.subscriptions import DriftPolicy
from shared.messages.entries import ReconcileV1
from shared.messages.outcome import OutcomeKind, OutcomeV1
from tests.support.builders import BTC, LEADER
from tests.support.paper_exchange import Way
from tests.support.waiting import until
from tests.support.worker_rig import LANES, RATIO, Scene, working


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """Spelling a long trace for a terminal takes longer than a lease lasts here."""
    with capture_logs():
        yield


async def poisoned(scene: Scene) -> list[str]:
    found = []
    for number in range(LANES):
        strands = (await scene.bus.store.load(Lane(number))).strands
        found += [name.split("|")[0] for name, record in strands.items() if record.poisoned]
    return found


async def told(scene: Scene, reason: str) -> list[OutcomeV1]:
    return [each for each in await scene.bus.outcomes() if each.reason == reason]


def command(scene: Scene, follower: AccountId) -> ReconcileV1:
    return ReconcileV1(follower, LEADER, BTC, scene.clock.now_ms())


async def poison_one(scene: Scene) -> AccountId:
    """Let one follower's answer be indigestible while all hold something."""
    await scene.trade(5)
    await scene.ends_exact()
    victim = scene.followers[0]
    scene.exchange.choose = lambda attempt: Way.BREAK if attempt.follower == victim else None
    await scene.trade(8)
    await until(lambda: _is_poisoned(scene, victim))
    scene.exchange.choose = lambda _attempt: None
    return victim


async def _is_poisoned(scene: Scene, victim: AccountId) -> bool:
    return await poisoned(scene) == [victim]


async def test_it_stops_one_follower_from_opening_and_nobody_from_closing(scene: Scene) -> None:
    await scene.begin(4)
    async with working(scene):
        victim = await poison_one(scene)
        await until(lambda: all(scene.exchange.held[each, BTC] == 8 * RATIO for each in scene.followers[1:]))
        held = scene.exchange.held[victim, BTC]
        assert held == 5 * RATIO
        await scene.trade(4)
        await until(lambda: scene.exchange.held[victim, BTC] < held)
        await scene.trade(0)
        await until(lambda: not any(scene.exchange.held.values()))


async def test_it_survives_a_takeover_and_ends_when_reconciled(scene: Scene) -> None:
    await scene.begin(3)
    async with working(scene, "first") as first:
        victim = await poison_one(scene)
        await first.kill()
    async with working(scene, "second"):
        await until(lambda: _is_poisoned(scene, victim))
        publisher = CommandPublisher(scene.bus.redis, scene.bus.keys)
        asked = command(scene, victim)
        assert (await publisher.publish([asked]), await publisher.publish([asked])) == (1, 0)
        await until(lambda: _nobody(scene))
        assert await scene.books_agree()
        assert len(await told(scene, "reconciled")) == 1
        await scene.trade(12)
        await until(lambda: scene.exchange.held[victim, BTC] == 5 * RATIO + 4 * RATIO)


async def _nobody(scene: Scene) -> bool:
    return not await poisoned(scene)


async def test_reconciling_only_shrinks(scene: Scene) -> None:
    """Asked for a strand that is in order, even one that holds less than the leader's position allows."""
    await scene.begin(1, DriftPolicy.OFF)
    async with working(scene):
        await scene.trade(5)
        await scene.ends_exact()
        follower = scene.followers[0]
        scene.exchange.held[follower, BTC] = Decimal(6)
        await CommandPublisher(scene.bus.redis, scene.bus.keys).publish([command(scene, follower)])
        await until(lambda: told(scene, "reconciled"))
        await until(scene.books_agree)
        assert scene.exchange.held[follower, BTC] == 6
        assert len(scene.exchange.sent) == 1


async def test_a_command_for_nobody_changes_nothing(scene: Scene) -> None:
    await scene.begin(1)
    async with working(scene):
        await scene.trade(5)
        await CommandPublisher(scene.bus.redis, scene.bus.keys).publish([command(scene, AccountId("stranger"))])
        await scene.trade(6)
        await scene.ends_exact()


async def test_the_command_line_shows_first_and_asks_only_when_told(
    scene: Scene, redis_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {
        "DEMO": "true",
        "OKX_TAG": "tag",
        "REDIS_URL": redis_server.url,
        "INSTALLATION": scene.bus.keys.installation,
        "LANES": str(LANES),
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"SLIPSTREAM_{name}", value)
    await scene.begin(2)
    async with working(scene) as rig:
        victim = await poison_one(scene)
        await rig.kill()
    await scene.bus.trades.bury(await scene.bus.trades.last(), b"\xff", "not JSON")

    async def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = await _in_a_thread(lambda: replay.main(["--json", *arguments]))
        return code, json.loads(capsys.readouterr().out.splitlines()[-1])

    code, shown = await run()
    assert (code, shown["asked"], [each["follower"] for each in shown["poisoned"]]) == (1, 0, [victim])
    assert [each["reason"] for each in shown["letters"]] == ["not JSON"]
    code, shown = await run("--apply")
    assert (code, shown["asked"]) == (0, 1)
    async with working(scene):
        await until(lambda: _nobody(scene))
    code, shown = await run()
    assert (code, shown["poisoned"]) == (0, [])
    assert [each.kind for each in await told(scene, "reconciled")] == [OutcomeKind.DRIFTED]


async def _in_a_thread(work: Any) -> Any:
    return await asyncio.to_thread(work)

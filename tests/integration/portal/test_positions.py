"""What is held because of leaders, as the last copy left it; and who looks after it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bus.embedded import EmbeddedServer
from shared.domain.grants import GrantStatus
from shared.domain.ids import AccountId
from shared.messages.outcome import HopTimes, OutcomeKind, OutcomeV1
from shared.store.engine import Database
from shared.store.grants import Grants
from shared.store.ledger import Ledger
from shared.vault.seal import vault_from
from tests.support.builders import NOON_MS
from tests.support.portal import RunningPortal, running_portal
from tests.support.redis_server import redis_server
from tests.support.simulator import people

__all__ = ["redis_server"]

BTC, ETH = "BTC-USDT-SWAP", "ETH-USDT-SWAP"


def settled(number: int, inst_id: str, held: str, follower: str = "www-1001", leader: str = "whale") -> OutcomeV1:
    at_ms = NOON_MS + number
    return OutcomeV1(
        f"{number:032}", OutcomeKind.SETTLED, at_ms, follower, leader, inst_id, f"event:{number}", leg="open",
        side="buy", size="1", held=held, target=held, hops=HopTimes(settled_ms=at_ms),
    )  # fmt: skip


@pytest.fixture
async def portal(tmp_path: Path, redis_server: EmbeddedServer) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path, redis_server.url) as running:
        await running.simulator.add_accounts(*people(2))
        yield running


async def test_the_last_copy_of_each_leader_and_instrument_says_what_is_held(portal: RunningPortal) -> None:
    database = Database(portal.settings["DATABASE_URL"])
    told = [
        settled(1, BTC, "3"),
        settled(2, BTC, "7.5"),
        settled(3, ETH, "2"),
        settled(4, ETH, "0"),
        settled(5, BTC, "-1", leader="shark"),
        settled(6, BTC, "9", follower="www-1002"),
    ]
    await Ledger(database).record([], told)
    async with portal.visitor() as anna:
        await anna.connect("1001")
        found = (await anna.http.get("/v1/positions")).json()
        assert [(each["leader"], each["inst_id"], each["held"]) for each in found] == [
            ("shark", BTC, "-1"),
            ("whale", BTC, "7.5"),
        ]
        assert all(each["managed"] for each in found)
        assert "it closes with its leader" in await anna.look()
        grants = Grants(database, vault_from(None, demo=True))
        life = await grants.life(AccountId("www-1001"))
        assert life is not None
        await grants.mark(life, GrantStatus.REVOKED, "its owner took the consent back")
        assert not any(each["managed"] for each in (await anna.http.get("/v1/positions")).json())
        page = await anna.look()
        assert "connect again, or close it at OKX" in page
        assert "Your consent has ended" in page
    await database.close()

"""One grant, many keepers, many expiries: each pair is renewed once, and whoever trades meanwhile always gets through.

The venue kills the old pair, both tokens, the moment it answers. RENEWALS=20x200 makes it 20 keepers and 200 expiries.
"""

import asyncio
import base64
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest

from shared.bus.embedded import EmbeddedServer
from shared.clock import SystemClock
from shared.domain.grants import GrantLife, GrantStatus
from shared.domain.ids import AccountId
from shared.store.accounts import Account, Accounts
from shared.store.engine import Database
from shared.store.grants import Consent, Grants
from shared.store.migrate import migrate
from shared.store.opened_grants import OpenedGrants
from shared.vault.credentials import BearerToken, TokenPair
from shared.vault.seal import Vault
from shared.vault.secret import Secret
from tests.support.redis_server import redis_server
from tests.support.running_service import running_service
from tests.support.simulator import RunningSimulator, serve_simulator
from tests.support.waiting import until

__all__ = ["redis_server"]

KEEPERS, EXPIRIES = (int(each) for each in os.environ.get("RENEWALS", "4x8").split("x"))
ACCOUNT, LIFE_S = AccountId("1001"), 2
VAULT = Vault([bytes(range(32))])
TOKEN_PATH = "/v5/users/oauth/token"
_EACH_S = 6.0
"""How long one expiry may take, keepers starting up included."""


@pytest.fixture
async def simulator() -> AsyncIterator[RunningSimulator]:
    async with serve_simulator(rate_limits=False) as running:
        pair = {"access_token": "first-access", "refresh_token": "first-refresh", "expires_in_s": LIFE_S}
        await running.add_accounts({"uid": ACCOUNT, **pair})
        yield running


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/slipstream.db")
    await migrate(database)
    await Accounts(database).save([Account(ACCOUNT, "sim", ACCOUNT, ACCOUNT, leads=False)], 0)
    pair = TokenPair(Secret("first-access"), Secret("first-refresh"), LIFE_S * 1_000)
    await Grants(database, VAULT).put([Consent(ACCOUNT, pair)], SystemClock().now_ms())
    yield database
    await database.close()


@pytest.fixture
def settings(redis_server: EmbeddedServer, simulator: RunningSimulator, tmp_path: Path) -> Mapping[str, str]:
    return {
        "REDIS_URL": redis_server.url,
        "DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/slipstream.db",
        "VAULT_KEY": base64.b64encode(bytes(range(32))).decode(),
        "OKX_SITES": f'{{"sim": {{"rest": "{simulator.rest_url}"}}}}',
        "OKX_ALLOWED_SITES": "sim",
        "OKX_CLIENT_ID": "paper-client",
        "OKX_CLIENT_SECRET": "paper-secret",
        "OKX_CONNECT_TIMEOUT_MS": "100",
        "KEEPER_INTERVAL_S": "0.1",
        "GRANT_LIFE_S": str(LIFE_S),
        "REFRESH_FRACTION": "0.4",
        "REFRESH_ANSWER_S": "0.6",
        "CLAIM_S": "2",
        "LOG_LEVEL": "warning",
    }


async def life(database: Database) -> GrantLife:
    return (await Grants(database, VAULT).lives())[ACCOUNT]


class Trader:
    """Calls all the time with the pair as it is stored; a pair that died on the way must have a successor."""

    def __init__(self, database: Database, url: str) -> None:
        self._opened = OpenedGrants(database, VAULT)
        self._http = httpx.AsyncClient(base_url=url, trust_env=False)
        self.calls = self.overtaken = 0

    async def trade_for_ever(self) -> None:
        async with self._http:
            while True:
                used = await self._token()
                if await self._code(used) != "0":
                    self.overtaken += 1
                    await until(partial(self._gets_through, used), within_s=10)
                self.calls += 1
                await asyncio.sleep(0.02)

    async def _gets_through(self, used: BearerToken) -> bool:
        newer = await self._token()
        return newer.version > used.version and await self._code(newer) == "0"

    async def _token(self) -> BearerToken:
        credential = await self._opened.read(ACCOUNT)
        assert isinstance(credential, BearerToken)
        return credential

    async def _code(self, token: BearerToken) -> str:
        headers = {"Authorization": f"Bearer {token.token.reveal()}"}
        return str((await self._http.get("/api/v5/account/balance", headers=headers)).json()["code"])


async def test_each_expiry_is_renewed_once_whoever_looks(
    settings: Mapping[str, str], simulator: RunningSimulator, database: Database
) -> None:
    trader = Trader(database, simulator.rest_url)
    async with AsyncExitStack() as running:
        for _ in range(KEEPERS):
            await running.enter_async_context(running_service("token_keeper", settings, ready=False))

        async def renewed(times: int) -> bool:
            return trading.done() or (await life(database)).version > times

        trading: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await until(partial(renewed, 1), within_s=KEEPERS * _EACH_S)  # the first pair is dead before they are up
        trading = asyncio.get_running_loop().create_task(trader.trade_for_ever())
        await until(partial(renewed, EXPIRIES), within_s=EXPIRIES * _EACH_S, every_s=0.2)
        trading.cancel()
    if not trading.cancelled():
        trading.result()
    stored = await life(database)
    asked = (await simulator.stats())["answers"][f"POST {TOKEN_PATH}"]
    assert stored.status is GrantStatus.LIVE
    assert asked == {"0": stored.version - 1}, "a renewal was asked for twice, or refused"
    assert trader.calls > EXPIRIES


async def test_a_keeper_killed_between_answer_and_store_leaves_a_grant_that_says_so(
    settings: Mapping[str, str], simulator: RunningSimulator, database: Database
) -> None:
    """The new pair died with it: the next keeper is refused, and the owner is asked to consent, with the reason."""
    await simulator.plant("answer_lost", where={"path": TOKEN_PATH}, times=1)
    patient = {**settings, "CLAIM_S": "2", "REFRESH_ANSWER_S": "0.6"}
    async with running_service("token_keeper", patient, ready=False) as first:

        async def answered() -> bool:
            return bool((await simulator.account(ACCOUNT))["refreshes"] == 1)

        await until(answered, within_s=20)
        first.process.send_signal(signal.SIGKILL)
    async with running_service("token_keeper", settings, ready=False):

        async def flagged() -> bool:
            return (await life(database)).status is GrantStatus.NEEDS_CONSENT

        await until(flagged, within_s=20)
    assert (await life(database)).version == 1

"""Keepers as processes, on one database file, against the paper OKX: each pair is renewed once and stays valid."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from shared.bus.embedded import EmbeddedServer
from shared.clock import SystemClock
from shared.domain.grants import GrantStatus
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

KEY = bytes(range(32))
FOLLOWERS = [AccountId(f"follower{number}") for number in range(24)]
LIFE_S = 20


def planted(account: AccountId, what: str) -> str:
    return f"planted-{what}-{account}"


@pytest.fixture
async def simulator() -> AsyncIterator[RunningSimulator]:
    async with serve_simulator() as running:
        await running.add_accounts(
            *(
                {
                    "uid": each,
                    "access_token": planted(each, "access"),
                    "refresh_token": planted(each, "refresh"),
                    "expires_in_s": LIFE_S,
                }
                for each in FOLLOWERS
            )
        )
        yield running


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/slipstream.db")
    await migrate(database)
    await Accounts(database).save([Account(each, "sim", each, each, leads=False) for each in FOLLOWERS], 0)
    consents = [
        Consent(
            each, TokenPair(Secret(planted(each, "access")), Secret(planted(each, "refresh")), lives_ms=LIFE_S * 1_000)
        )
        for each in FOLLOWERS
    ]
    # Consented to a while ago, so that every one of them is due as soon as a keeper looks.
    await Grants(database, Vault([KEY])).put(consents, SystemClock().now_ms() - LIFE_S * 900)
    yield database
    await database.close()


@pytest.fixture
def settings(redis_server: EmbeddedServer, simulator: RunningSimulator, tmp_path: Path) -> Mapping[str, str]:
    return {
        "REDIS_URL": redis_server.url,
        "DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/slipstream.db",
        "VAULT_KEY": base64.b64encode(KEY).decode(),
        "OKX_SITES": f'{{"sim": {{"rest": "{simulator.rest_url}"}}}}',
        "OKX_ALLOWED_SITES": "sim",
        "OKX_CLIENT_ID": "paper-client",
        "OKX_CLIENT_SECRET": "paper-secret",
        "KEEPER_INTERVAL_S": "0.2",
        "GRANT_LIFE_S": str(LIFE_S),
        "REFRESHES_AT_ONCE": "2",
        "REFRESH_ANSWER_S": "3",
        "OKX_CONNECT_TIMEOUT_MS": "500",
    }


async def versions(database: Database) -> list[int]:
    return [life.version for life in (await Grants(database, Vault([KEY])).lives()).values()]


async def test_three_keepers_renew_each_pair_once_and_what_they_store_trades(
    settings: Mapping[str, str], simulator: RunningSimulator, database: Database
) -> None:
    await simulator.plant("latency", where={"path": "/v5/users/oauth/token"}, ms=150)  # so that all three get to work

    async with AsyncExitStack() as running:
        started = [running_service("token_keeper", settings, ready=False) for _ in range(3)]
        keepers = [await running.enter_async_context(each) for each in started]

        async def all_renewed() -> bool:
            return min(await versions(database)) > 1

        await until(all_renewed, within_s=40)
        assert min(keeper.text.count("grant_refreshed") for keeper in keepers) > 0, "one keeper did all the work"
        assert [await keeper.drain() for keeper in keepers] == [0, 0, 0]
        logs = "".join(keeper.text for keeper in keepers)

    assert await versions(database) == [2] * len(FOLLOWERS)
    lives = (await Grants(database, Vault([KEY])).lives()).values()
    assert {life.status for life in lives} == {GrantStatus.LIVE}
    assert "planted" not in logs

    opened = OpenedGrants(database, Vault([KEY]))
    await opened.warm(FOLLOWERS)
    async with httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False) as client:
        for each in FOLLOWERS:
            credential = opened.cached(each)
            assert isinstance(credential, BearerToken)
            assert await code_for(client, credential.token.reveal()) == "0"
            assert await code_for(client, planted(each, "access")) != "0"


async def code_for(client: httpx.AsyncClient, token: str) -> str:
    answer = await client.get("/api/v5/account/balance", headers={"Authorization": f"Bearer {token}"})
    return str(answer.json()["code"])


async def test_a_withdrawn_grant_is_said_to_need_consent_and_the_others_are_renewed(
    settings: Mapping[str, str], simulator: RunningSimulator, database: Database
) -> None:
    gone, *others = FOLLOWERS
    await simulator.plant("revoke_tokens", uids=[gone])

    async def settled() -> bool:
        lives = await Grants(database, Vault([KEY])).lives()
        return lives[gone].status is GrantStatus.NEEDS_CONSENT and all(lives[each].version > 1 for each in others)

    async with running_service("token_keeper", settings) as keeper:
        await until(settled)
        metrics = (await keeper.get("/metrics")).text

    assert 'slipstream_grant_refreshes_total{outcome="refused"} 1.0' in metrics
    assert 'slipstream_grants_count{kind="needs_consent"} 1.0' in metrics

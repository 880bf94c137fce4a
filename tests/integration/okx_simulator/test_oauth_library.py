"""An OAuth client that is not ours completes both flows: the paper OKX is not shaped to what we happen to send."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client

from deploy.chaos.server import free_port
from tests.support.simulator import RunningSimulator, people, serve_simulator

BACK = "https://elsewhere.example/callback"


@pytest.fixture
async def venue() -> AsyncIterator[RunningSimulator]:
    async with serve_simulator(port=free_port(), redirect_uris=BACK) as running:
        await running.add_accounts(*people(1))
        yield running


async def answered(url: str) -> str:
    """Let the owner allow, and return where the browser is sent."""
    async with httpx.AsyncClient(trust_env=False) as browser:
        answer = await browser.post(url, data={"uid": "1001", "decision": "allow"})
    return str(answer.headers["location"])


async def test_by_code_with_a_secret(venue: RunningSimulator) -> None:
    async with AsyncOAuth2Client(
        "paper-client",
        "paper-secret",
        redirect_uri=BACK,
        scope="read_only,trade",
        token_endpoint_auth_method="client_secret_post",
    ) as client:
        url, state = client.create_authorization_url(f"{venue.rest_url}/account/oauth", access_type="offline")
        token = await client.fetch_token(
            f"{venue.rest_url}/v5/users/oauth/token", authorization_response=await answered(url), state=state
        )
        assert set(token) >= {"access_token", "refresh_token", "token_type", "expires_in"}
        config = await client.get(f"{venue.rest_url}/api/v5/account/config")
        assert config.json()["data"][0]["uid"] == "1001"
        renewed = await client.refresh_token(f"{venue.rest_url}/v5/users/oauth/token")
        assert renewed["access_token"] != token["access_token"]


async def test_by_pkce_without_one(venue: RunningSimulator) -> None:
    verifier = "v" * 64
    async with AsyncOAuth2Client(
        "paper-client",
        redirect_uri=BACK,
        scope="read_only",
        code_challenge_method="S256",
        token_endpoint_auth_method="none",
    ) as client:
        url, state = client.create_authorization_url(
            f"{venue.rest_url}/account/oauth", access_type="offline", code_verifier=verifier
        )
        back = await answered(url)
        refused = await client.fetch_token(
            f"{venue.rest_url}/v5/users/oauth/token",
            authorization_response=back,
            state=state,
            code_verifier="w" * 64,
        )
        assert (refused.get("code"), refused.get("access_token")) == ("53009", None)
        url, state = client.create_authorization_url(
            f"{venue.rest_url}/account/oauth", access_type="offline", code_verifier=verifier
        )
        token = await client.fetch_token(
            f"{venue.rest_url}/v5/users/oauth/token",
            authorization_response=await answered(url),
            state=state,
            code_verifier=verifier,
        )
        assert token["access_token"].startswith("at-1001-")


async def test_a_code_works_once(venue: RunningSimulator) -> None:
    async with AsyncOAuth2Client(
        "paper-client",
        "paper-secret",
        redirect_uri=BACK,
        scope="read_only",
        token_endpoint_auth_method="client_secret_post",
    ) as client:
        url, _ = client.create_authorization_url(f"{venue.rest_url}/account/oauth", access_type="offline")
        code = parse_qs(urlsplit(await answered(url)).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "client_id": "paper-client"}
        async with httpx.AsyncClient(trust_env=False) as other:
            first, second = [
                await other.post(
                    f"{venue.rest_url}/v5/users/oauth/token", json={**form, "client_secret": "paper-secret"}
                )
                for _ in range(2)
            ]
    assert first.status_code == 200
    assert second.json()["code"] == "53012"

"""A pair is renewed once; what cannot be told apart from a renewal is never called a refusal."""

import json
from urllib.parse import parse_qs

import pytest

from shared.okx.errors import NotSent, OkxError, Unanswered
from shared.okx.oauth import OkxOAuth
from shared.okx.protocol import Response
from shared.vault.credentials import GrantRefused, RefreshPostponed, RefreshUnanswered, TokenPair
from shared.vault.secret import Secret
from tests.unit.shared.okx.scripted import ScriptedWay, spoken

OLD = TokenPair(Secret("old-access"), Secret("old/refresh+"), 3_600_000)
RENEWED = {"access_token": "new-access", "refresh_token": "new-refresh", "token_type": "bearer", "expires_in": 3600}


def oauth(way: ScriptedWay, **options: str) -> OkxOAuth:
    return OkxOAuth({"www": way}, "client", Secret("client-secret"), **options)  # type: ignore[arg-type]  # a literal


async def test_a_pair_is_renewed_with_the_documented_body() -> None:
    way = ScriptedWay(spoken(RENEWED))
    assert await oauth(way).refresh("www", OLD) == TokenPair(Secret("new-access"), Secret("new-refresh"), 3_600_000)
    [request] = way.sent
    assert (request.method, request.path) == ("POST", "/v5/users/oauth/token")
    assert request.headers == b"Content-Type: application/json\r\n"
    assert json.loads(request.body) == {
        "grant_type": "refresh_token",
        "client_id": "client",
        "client_secret": "client-secret",
        "refresh_token": "old/refresh+",
    }


async def test_path_and_encoding_are_settings() -> None:
    way = ScriptedWay(spoken(RENEWED))
    await oauth(way, path="/api/v5/users/oauth/token", encoding="form").refresh("www", OLD)
    [request] = way.sent
    assert request.path == "/api/v5/users/oauth/token"
    assert request.headers == b"Content-Type: application/x-www-form-urlencoded\r\n"
    assert parse_qs(request.body.decode())["refresh_token"] == ["old/refresh+"]


async def test_a_life_may_be_spelled_as_text_and_the_old_refresh_token_may_stay() -> None:
    way = ScriptedWay(spoken({"access_token": "new-access", "expires_in": "60"}))
    assert await oauth(way).refresh("www", OLD) == TokenPair(Secret("new-access"), OLD.refresh, 60_000)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (spoken({"code": "53005", "msg": "wrong refresh token", "data": []}), GrantRefused),
        (spoken({"code": "53002", "msg": "", "data": []}, 401), GrantRefused),
        (spoken({"code": "53003", "msg": "", "data": []}, 401), GrantRefused),
        (spoken({"code": "53004", "msg": "", "data": []}), GrantRefused),
        (spoken({"code": "53010", "msg": "client_id", "data": []}), RefreshPostponed),
        (spoken({"code": "53014", "msg": "address", "data": []}), RefreshPostponed),
        (spoken({"code": "50011", "msg": ""}, 429), RefreshPostponed),
        (NotSent("refused"), RefreshPostponed),
        (Unanswered("silence"), RefreshUnanswered),
        (Response(502, b"<html>"), RefreshUnanswered),
        (spoken({"code": "53005", "msg": ""}, 503), RefreshUnanswered),
        (spoken({"code": "50026", "msg": "", "data": []}), RefreshUnanswered),
        (spoken({"code": "59999", "msg": "", "data": []}), RefreshUnanswered),
        (spoken({"code": "0", "msg": "", "data": []}), RefreshUnanswered),
        (spoken({"access_token": "", "refresh_token": "x", "expires_in": 1}), RefreshUnanswered),
        (spoken({"access_token": "a", "refresh_token": "b", "expires_in": "soon"}), RefreshUnanswered),
    ],
)
async def test_what_is_not_a_pair_is_sorted_by_what_it_means_for_the_old_one(
    answer: Response | OkxError, error: type[Exception]
) -> None:
    way = ScriptedWay(answer)
    with pytest.raises(error) as caught:
        await oauth(way).refresh("www", OLD)
    assert len(way.sent) == 1
    shown = f"{caught.value!r} {caught.value}"
    assert not any(secret in shown for secret in ("old-access", "old/refresh", "client-secret", "new-"))


async def test_a_site_that_is_not_allowed_is_never_called() -> None:
    with pytest.raises(RefreshPostponed, match="not allowed"):
        await oauth(ScriptedWay()).refresh("evil", OLD)

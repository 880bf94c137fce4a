from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.okx_simulator.access.gate import Gate, signed
from services.okx_simulator.access.throttle import PLACE, SUB_ACCOUNT, Throttle
from services.okx_simulator.access.tokens import Grant, Tokens
from services.okx_simulator.clock import VenueClock
from services.okx_simulator.settings import Settings
from services.okx_simulator.venue.accounts import Account, Accounts, Credentials
from services.okx_simulator.wire.http import Request
from services.okx_simulator.wire.refusals import Refused
from tests.support.simulator import signed_headers

KEY = {"api_key": "key1", "secret_key": "secret1", "passphrase": "Pass1!"}
CLIENT = {"grant_type": "refresh_token", "client_id": "paper-client", "client_secret": "paper-secret"}


def gate_of(*, simulated: bool = False, perm: str = "read_only,trade") -> Gate:
    clock, accounts = VenueClock(), Accounts()
    accounts.add(Account("1", perm=perm, credentials=Credentials(KEY["api_key"], KEY["secret_key"], KEY["passphrase"])))
    tokens = Tokens(clock, Settings())
    tokens.grant(accounts.by_uid["1"], "access", "refresh", 3_600)
    return Gate(clock, accounts, tokens, simulated_trading=simulated)


def refused(gate: Gate, headers: dict[str, str], *, trades: bool = False) -> tuple[str, int]:
    lowered = {name.lower(): value for name, value in headers.items()}
    with pytest.raises(Refused) as caught:
        gate.admit(Request("GET", "/api/v5/account/config", lowered, "127.0.0.1", 0), trades=trades)
    return caught.value.code, caught.value.status


def headers_of(**changes: Any) -> dict[str, str]:
    return signed_headers({**KEY, **changes.pop("key", {})}, "GET", "/api/v5/account/config", **changes)


@pytest.mark.parametrize(
    ("method", "target", "body", "signature"),
    [
        ("GET", "/api/v5/account/balance", "", "tpQYvXdaAfU8ae6zI1rJ2xVcyMIk9BKWK/fysaanweQ="),
        ("GET", "/api/v5/account/balance?ccy=BTC", "", "pS6nHuBl6Qc9S0h+soCkCVHaVHZzS19KqFpeI/doTlE="),
    ],
)
def test_known_signatures_hold(method: str, target: str, body: str, signature: str) -> None:
    text = f"2020-12-08T09:08:57.715Z{method}{target}{body}".encode()
    assert signed("mock-secret", text, signature)
    assert not signed("mock-secret", text + b" ", signature)


@pytest.mark.parametrize(
    ("without", "code"),
    [
        ("OK-ACCESS-KEY", "50103"),
        ("OK-ACCESS-PASSPHRASE", "50104"),
        ("OK-ACCESS-SIGN", "50106"),
        ("OK-ACCESS-TIMESTAMP", "50107"),
    ],
)
def test_each_missing_header_has_its_code(without: str, code: str) -> None:
    headers = headers_of()
    del headers[without]
    assert refused(gate_of(), headers) == (code, 401)


def test_wrong_keys_have_their_codes() -> None:
    gate = gate_of()
    assert refused(gate, headers_of(key={"api_key": "nobody"})) == ("50119", 401)
    assert refused(gate, headers_of(key={"api_key": "no key!"})) == ("50111", 401)
    assert refused(gate, headers_of(key={"passphrase": "other"})) == ("50105", 401)
    assert refused(gate, headers_of(key={"secret_key": "other"})) == ("50113", 401)


def test_timestamps_are_held_to_form_and_age() -> None:
    gate = gate_of()
    assert refused(gate, {**headers_of(), "OK-ACCESS-TIMESTAMP": "1700000000"}) == ("50112", 401)
    assert refused(gate, {**headers_of(), "OK-ACCESS-TIMESTAMP": "2026-13-45T00:00:00.000Z"}) == ("50112", 401)
    for seconds in (-31, 31):
        moment = datetime.now(UTC) + timedelta(seconds=seconds)
        assert refused(gate, headers_of(at=moment)) == ("50102", 401)


def test_a_key_of_the_other_environment_is_refused() -> None:
    assert refused(gate_of(), {**headers_of(), "x-simulated-trading": "1"}) == ("50101", 401)
    assert refused(gate_of(simulated=True), headers_of()) == ("50101", 401)


def test_the_trade_permission_is_asked_for() -> None:
    gate = gate_of(perm="read_only")
    assert refused(gate, headers_of(), trades=True) == ("50120", 200)
    assert refused(gate, {"Authorization": "Bearer access"}, trades=True)[0] == "53013"


def test_bearer_tokens_are_known_or_not() -> None:
    gate = gate_of()
    assert refused(gate, {"Authorization": "Basic eDp5"}) == ("50114", 401)
    assert refused(gate, {"Authorization": "Bearer nothing"}) == ("53000", 401)
    request = Request("GET", "/x", {"authorization": "Bearer access"}, "127.0.0.1", 0)
    assert gate.admit(request, trades=True)[0].uid == "1"


class Granted:
    """Tokens with one grant, and a clock to move."""

    def __init__(self, **settings: Any) -> None:
        self.clock = VenueClock()
        self.account = Account("1")
        self.tokens = Tokens(self.clock, Settings(**settings))
        self.tokens.grant(self.account, "access", "refresh", 3_600)

    def code(self, token: str) -> str:
        with pytest.raises(Refused) as caught:
            self.tokens.account_of(token)
        return caught.value.code

    def refresh(self, token: str = "refresh", **changes: Any) -> dict[str, Any]:
        return self.tokens.refresh({**CLIENT, "refresh_token": token, **changes})

    def refused(self, token: str = "refresh", **changes: Any) -> tuple[str, int]:
        with pytest.raises(Refused) as caught:
            self.refresh(token, **changes)
        return caught.value.code, caught.value.status


def test_a_refresh_replaces_both_tokens_at_once() -> None:
    granted = Granted()
    pair = granted.refresh()
    assert granted.tokens.account_of(pair["access_token"]) is granted.account
    assert (pair["token_type"], pair["expires_in"]) == ("bearer", 3_600)
    assert granted.code("access") == "53003"
    assert granted.refused() == ("53005", 400)
    later = granted.refresh(pair["refresh_token"])
    assert granted.code("access") == "53000"
    assert granted.code(pair["access_token"]) == "53003"
    assert later["access_token"] != pair["access_token"]


@pytest.mark.parametrize(
    "changes", [{"client_id": "other"}, {"client_secret": "other"}, {"grant_type": "password"}, {"client_id": None}]
)
def test_a_wrong_client_is_a_parameter_error(changes: dict[str, Any]) -> None:
    assert Granted(oauth_error_status=401).refused(**changes) == ("53010", 401)


def test_tokens_expire_by_the_venues_clock() -> None:
    granted = Granted()
    granted.clock.offset_ms = 3_600_001
    assert granted.code("access") == "53002"
    granted.clock.offset_ms = 259_200_001
    assert granted.refused()[0] == "53002"


def test_an_expired_grant_can_be_refreshed_and_a_revoked_one_cannot() -> None:
    granted = Granted()
    assert granted.tokens.end(["1", "unknown"], "53002") == 1
    assert granted.code("access") == "53002"
    pair = granted.refresh()
    granted.tokens.end(["1"], "53003")
    assert granted.code(pair["access_token"]) == "53003"
    assert granted.refused(pair["refresh_token"])[0] == "53003"


def test_a_frozen_account_is_let_in_by_nothing() -> None:
    granted = Granted()
    granted.account.frozen = True
    assert (granted.code("access"), granted.refused()[0]) == ("53004", "53004")


def test_tokens_and_secrets_are_not_in_representations() -> None:
    grant = Grant(Account("1", credentials=Credentials("key1", "planted", "planted")), "planted", "planted", 1, 1, 1)
    assert "planted" not in repr(grant)


class Ticks:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_limit_slides_with_time() -> None:
    ticks = Ticks()
    throttle = Throttle(ticks, enabled=True)
    for _ in range(60):
        throttle.check(PLACE, "1", "BTC-USDT-SWAP")
        ticks.now += 0.01
    with pytest.raises(Refused, match="50011"):
        throttle.check(PLACE, "1", "BTC-USDT-SWAP")
    throttle.check(PLACE, "1", "ETH-USDT-SWAP")
    throttle.check(PLACE, "2", "BTC-USDT-SWAP")
    ticks.now = 2.0
    throttle.check(PLACE, "1", "BTC-USDT-SWAP")


def test_a_batch_counts_whole_or_not_at_all() -> None:
    throttle = Throttle(Ticks(), enabled=True)
    limit = replace(PLACE, most=5)
    throttle.check(limit, "1", weight=3)
    with pytest.raises(Refused, match="50011"):
        throttle.check(limit, "1", weight=3)
    throttle.check(limit, "1", weight=2)


def test_the_accounts_own_cap_has_its_own_code() -> None:
    throttle = Throttle(Ticks(), enabled=True)
    throttle.check(SUB_ACCOUNT, "1", weight=1_000)
    with pytest.raises(Refused, match="50061"):
        throttle.check(SUB_ACCOUNT, "1")


def test_limits_can_be_switched_off() -> None:
    throttle = Throttle(Ticks(), enabled=False)
    for _ in range(100):
        throttle.check(PLACE, "1")

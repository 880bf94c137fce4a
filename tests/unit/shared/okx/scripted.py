"""A way out that plays prepared answers, credentials that change when told, and recorded messages."""

import json
from collections.abc import Iterable
from math import inf
from pathlib import Path
from typing import Any

from shared.domain.ids import AccountId, ClOrdId, InstId
from shared.okx.errors import OkxError
from shared.okx.protocol import Request, Response, Told
from shared.ports import CouldNotAsk, GrantUnusable
from shared.vault.credentials import ApiKey, BearerToken, Credential, SigningKey
from shared.vault.secret import Secret

PAYLOADS = Path(__file__).parents[3] / "payloads" / "okx"

NAME = ClOrdId("1751000000123000042")
ORDER_ID = "2896576259728695301"
BTC = InstId("BTC-USDT-SWAP")
FOLLOWER = AccountId("follower")
LEADER = AccountId("leader")
KEY = ApiKey(Secret("mock-key"), Secret("mock-secret"), Secret("mock-phrase"))


def payload(name: str) -> Any:
    """Return the body of a recorded message."""
    return json.loads((PAYLOADS / f"{name}.json").read_text())["body"]


def recorded(name: str) -> Response:
    """Return a recorded REST message as the answer it is."""
    record = json.loads((PAYLOADS / f"{name}.json").read_text())
    return Response(record["_http_status"], json.dumps(record["body"]).encode())


def spoken(body: object, status: int = 200) -> Response:
    """Return any JSON as an answer."""
    return Response(status, json.dumps(body).encode())


class ScriptedWay:
    """A `WayOut` that answers from a list; running out of it fails the test."""

    def __init__(self, *answers: Response | OkxError) -> None:
        self.answers = list(answers)
        self.sent: list[Request] = []
        self.leave_before: list[float] = []

    async def send(self, request: Request, timeout_s: float, leave_before: float = inf) -> Response:
        assert timeout_s > 0
        self.sent.append(request)
        self.leave_before.append(leave_before)
        assert self.answers, f"nobody expected {request}"
        answer = self.answers.pop(0)
        if isinstance(answer, OkxError):
            raise answer
        return answer

    def dispatch(self, request: Request, timeout_s: float, leave_before: float, told: Told) -> None:
        """Answer at once, as a connection may that fails while it is written to."""
        assert timeout_s > 0
        self.sent.append(request)
        self.leave_before.append(leave_before)
        assert self.answers, f"nobody expected {request}"
        told(self.answers.pop(0))


class HeldCredentials:
    """`Credentials` whose stored versions follow each other at every read; the last stays."""

    def __init__(self, stored: Iterable[Credential | Exception], cached: Credential | None = None) -> None:
        self.stored = list(stored)
        self.kept = cached
        self.reads = 0
        self.forgotten: list[AccountId] = []

    def cached(self, _account: AccountId) -> Credential | None:
        return self.kept

    async def read(self, account: AccountId) -> Credential:
        self.reads += 1
        if not self.stored:
            raise GrantUnusable(f"{account} has no grant")
        found = self.stored.pop(0) if len(self.stored) > 1 else self.stored[0]
        if isinstance(found, Exception):
            raise found
        self.kept = found
        return found

    def forget(self, account: AccountId) -> None:
        self.kept = None
        self.forgotten.append(account)


def bearer(version: int = 1, account: AccountId = FOLLOWER) -> BearerToken:
    return BearerToken(account, version, "www", Secret(f"token-{version}"))


def api_key(account: AccountId = LEADER, version: int = 1) -> SigningKey:
    return SigningKey(account, version, "www", KEY)


def store_down() -> CouldNotAsk:
    return CouldNotAsk("the store gave no answer")

"""The portal's commands as an operator runs them, on a real database and a real Redis."""

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from services.portal.__main__ import main
from shared.bus.embedded import EmbeddedServer
from shared.bus.keys import DATA, Keys
from shared.domain.ids import AccountId
from shared.messages.entries import SubscriptionV1, decode
from shared.store.engine import Database
from shared.store.opened_grants import OpenedGrants
from shared.vault.credentials import BearerToken
from shared.vault.seal import vault_from
from tests.support.redis_server import own_redis_server
from tests.unit.services.portal.house import follower, following, leader

__all__ = ["own_redis_server"]

INSTALLATION = "portal-test"
DOCUMENT = {
    "accounts": [leader("whale"), follower("anna"), follower("bert")],
    "subscriptions": [following("anna", "whale"), following("bert", "whale", ratio=2)],
}


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def told(self) -> dict[str, Any]:
        """Read the one JSON object that was printed."""
        value: dict[str, Any] = json.loads(self.out)
        return value


@dataclass(frozen=True, slots=True)
class Office:
    """A folder with a database, the Redis beside it, and somebody who runs commands."""

    folder: Path
    redis: "Redis"
    redis_url: str
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    @property
    def settings(self) -> dict[str, str]:
        return {
            "SLIPSTREAM_DATABASE_URL": f"sqlite+aiosqlite:///{self.folder}/slipstream.db",
            "SLIPSTREAM_REDIS_URL": self.redis_url,
            "SLIPSTREAM_INSTALLATION": INSTALLATION,
            "SLIPSTREAM_DEMO": "true",
        }

    def run(self, *arguments: str, fed: str = "", **settings: str) -> Ended:
        for name, value in {**self.settings, **settings}.items():
            self.patch.setenv(name, value)
        self.patch.setattr(sys, "argv", ["portal", *arguments])
        self.patch.setattr(sys, "stdin", io.StringIO(fed))
        try:
            code = main()
        except SystemExit as left:
            code = int(str(left.code))
        return Ended(code, *self.capture.readouterr())

    def write(self, document: Any) -> str:
        file = self.folder / "enrolment.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        return str(file)

    def enrol(self, document: Any = DOCUMENT, **settings: str) -> Ended:
        return self.run("enrol", self.write(document), "--json", **settings)

    def entries(self) -> list[SubscriptionV1]:
        rows: Any = self.redis.xrange(Keys(INSTALLATION).trades)
        found = [decode(fields[DATA.encode()]) for _, fields in rows]
        return [each for each in found if isinstance(each, SubscriptionV1)]


@pytest.fixture
def office(
    tmp_path: Path,
    own_redis_server: EmbeddedServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Office]:
    with Redis.from_url(own_redis_server.url) as client:
        yield Office(tmp_path, client, own_redis_server.url, monkeypatch, capsys)


def test_enrolling_stores_sealed_grants_and_publishes_once(office: Office) -> None:
    first, again = office.enrol(), office.enrol()

    assert first.told == {"accounts": 3, "grants": 3, "subscriptions": 2, "published": 2, "differing": 0}
    assert (first.code, again.code) == (0, 0)
    assert set(again.told.values()) == {0}
    assert {(each.follower, each.leader, each.version, each.ratio) for each in office.entries()} == {
        ("anna", "whale", 1, "0.5"),
        ("bert", "whale", 1, "2"),
    }
    assert len(office.entries()) == 2
    assert asyncio.run(_token_of("anna", office)) == "access-of-anna"


async def _token_of(account: str, office: Office) -> str:
    database = Database(office.settings["SLIPSTREAM_DATABASE_URL"])
    try:
        opened = await OpenedGrants(database, vault_from(None, [], demo=True)).read(AccountId(account))
    finally:
        await database.close()
    assert isinstance(opened, BearerToken)
    return opened.token.reveal()


def test_no_secret_is_left_in_the_open(office: Office) -> None:
    """Neither in what is printed, nor in the database, nor in Redis; whether it went well or not."""
    typo = follower("cleo", oauth={"acces_token": "access-of-cleo", "refresh_token": "refresh of cleo"})
    ends = [office.enrol(), office.enrol({"accounts": [typo]})]
    printed = "".join(each.out + each.err for each in ends)
    stored = b"".join(file.read_bytes() for file in office.folder.glob("slipstream.db*"))
    published = repr(office.entries())

    for place in (printed, stored.decode("latin-1"), published):
        for secret in ("-of-anna", "-of-whale", "phrase of", "-of-cleo", "refresh of"):
            assert secret not in place


def test_a_document_with_problems_stores_nothing(office: Office) -> None:
    wrong = {**DOCUMENT, "subscriptions": [following("anna", "whale", ratio=0), following("bert", "shark")]}
    ended = office.enrol(wrong)

    assert ended.code == 2
    assert [each["field"] for each in ended.told["problems"]] == [
        "subscriptions.anna.whale.ratio",
        "subscriptions.bert.shark.leader",
    ]
    assert (office.enrol()).told["accounts"] == 3


def test_problems_are_told_to_people_on_standard_error(office: Office) -> None:
    ended = office.run("enrol", "-", fed='{"accounts": [7]}')
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("accounts[0]: got '7'; use an object")
    assert ended.err.endswith("1 problem; nothing was stored\n")


def test_a_file_that_cannot_be_read_is_refused(office: Office) -> None:
    ended = office.run("enrol", str(office.folder / "nowhere.json"))
    assert ended.code == 2
    assert "nowhere.json" in ended.err


def test_a_subscription_is_paused_changed_and_ended(office: Office) -> None:
    office.enrol()
    pair = ("subscription", "set", "--json", "--follower", "anna", "--leader", "whale")
    paused = office.run(*pair, "--state", "paused", "--max-order", "100.50")
    repeated = office.run(*pair, "--state", "paused")
    ended = office.run(*pair, "--state", "ended", "--max-order", "none")
    refused = office.run(*pair, "--ratio", "many", "--max-age-ms", "soon")

    assert (paused.told["version"], paused.told["max_order"], paused.told["new"]) == (2, "100.5", True)
    assert (repeated.told["version"], repeated.told["new"]) == (2, False)
    assert (ended.told["state"], ended.told["max_order"]) == ("ended", None)
    assert refused.code == 2
    assert [each["field"] for each in refused.told["problems"]] == ["ratio", "max_age_ms"]
    assert [(each.version, each.state.value) for each in office.entries() if each.follower == "anna"] == [
        (1, "active"),
        (2, "paused"),
        (3, "ended"),
    ]


def test_without_redis_what_is_stored_is_published_later(office: Office) -> None:
    ended = office.enrol(SLIPSTREAM_REDIS_URL="redis://127.0.0.1:1/0")
    assert (ended.code, ended.out) == (1, "")
    assert "republish" in ended.err
    assert office.entries() == []

    assert (office.run("republish", "--json")).told == {"published": 2}
    assert (office.run("republish", "--json")).told == {"published": 0}
    assert len(office.entries()) == 2


def test_versions_made_while_redis_was_away_are_published_in_their_order(office: Office) -> None:
    away = {"SLIPSTREAM_REDIS_URL": "redis://127.0.0.1:1/0"}
    office.enrol(**away)
    for state in ("paused", "active", "close_only"):
        office.run("subscription", "set", "--follower", "anna", "--leader", "whale", "--state", state, **away)

    assert office.run("republish", "--json").told == {"published": 5}
    assert [each.version for each in office.entries() if each.follower == "anna"] == [1, 2, 3, 4]


def test_after_redis_was_lost_all_is_published_again(office: Office) -> None:
    office.enrol()
    office.run("subscription", "set", "--follower", "anna", "--leader", "whale", "--state", "paused")
    office.redis.flushall()

    assert (office.run("republish", "--json")).told == {"published": 0}
    assert (office.run("republish", "--all", "--json")).told == {"published": 2}
    assert sorted((each.follower, each.version) for each in office.entries()) == [("anna", 2), ("bert", 1)]


def test_bad_settings_are_refused_before_anything_is_opened(office: Office) -> None:
    ended = office.run("republish", SLIPSTREAM_DATABASE_URL="mysql://somewhere")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("SLIPSTREAM_DATABASE_URL: ")
    assert not (office.folder / "slipstream.db").exists()


def test_the_command_is_a_program_of_its_own(office: Office) -> None:
    """As operators and the rehearsal start it."""
    ended = subprocess.run(
        [sys.executable, "-m", "services.portal", "enrol", office.write(DOCUMENT)],
        env={**os.environ, **office.settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "stored 3 accounts, 3 grants, 2 subscriptions; published 2\n"

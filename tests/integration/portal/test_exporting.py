"""Copies leave as files, whole and in order, and as nothing a spreadsheet would run."""

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bus.embedded import EmbeddedServer
from shared.clock import SystemClock
from shared.messages.outcome import OutcomeKind, OutcomeV1
from shared.store.engine import Database
from shared.store.ledger import Ledger
from tests.support.portal import RunningPortal, running_portal
from tests.support.redis_server import redis_server
from tests.support.simulator import people

__all__ = ["redis_server"]

COPIES = 1_200


def outcome(number: int, follower: str = "www-1001") -> OutcomeV1:
    now_ms = SystemClock().now_ms()
    message = "=cmd()" if number == 0 else ""
    return OutcomeV1(
        f"{follower[-4:]}{number:028}", OutcomeKind.SETTLED, now_ms + number // 3, follower, "www-1002",
        "BTC-USDT-SWAP", f"event:{number}", leg="open", side="buy", size="0.10", message=message,
    )  # fmt: skip


@pytest.fixture
async def portal(tmp_path: Path, redis_server: EmbeddedServer) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path, redis_server.url) as running:
        await running.simulator.add_accounts(*people(1))
        database = Database(running.settings["DATABASE_URL"])
        others = [outcome(number, "www-9999") for number in range(5)]
        await Ledger(database).record([], [outcome(number) for number in range(COPIES)] + others)
        await database.close()
        yield running


async def test_both_files_hold_every_copy_once_newest_first(portal: RunningPortal) -> None:
    async with portal.visitor() as anna:
        await anna.connect("1001")
        told = await anna.http.get("/v1/copies/export?form=csv")
        rows = list(csv.DictReader(io.StringIO(told.text)))
        lines = [json.loads(line) for line in (await anna.http.get("/v1/copies/export?form=ndjson")).text.splitlines()]
        pages, before = [], ""
        while True:
            page = (await anna.http.get(f"/v1/copies?most=400{before}")).json()
            pages += page["copies"]
            if page["next"] is None:
                break
            before = f"&before={page['next']}"
    names = [row["cl_ord_id"] for row in rows]
    assert told.headers["content-disposition"] == 'attachment; filename="copies.csv"'
    assert len(names) == len(set(names)) == COPIES
    assert names == [line["cl_ord_id"] for line in lines] == [page["cl_ord_id"] for page in pages]
    assert [int(row["at"]) for row in rows] == sorted((int(row["at"]) for row in rows), reverse=True)
    assert {row["size"] for row in rows} == {"0.1"}
    assert [row["message"] for row in rows if row["message"]] == ["'=cmd()"]

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
import structlog
from pydantic import SecretStr
from structlog.testing import capture_logs

from shared.telemetry.logs import OnceLog, canonical_line, configure_logs, redact
from shared.vault.secret import Secret

TEXT = "eyJ-planted"
INSIDE = f"inside Bearer {TEXT}"


Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handlers, level, written = logging.root.handlers[:], logging.root.level, StringIO()
    configure_logs("token_keeper", to=written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def test_a_line_is_one_json_object_with_time_service_and_level(lines: Lines) -> None:
    structlog.get_logger().info("refreshed", account="1001")

    [line] = lines()
    assert line["at"].endswith("+00:00")
    assert {k: v for k, v in line.items() if k != "at"} == {
        "service": "token_keeper",
        "event": "refreshed",
        "account": "1001",
        "level": "info",
    }


def test_no_secret_reaches_a_line_by_type_by_name_or_inside_text(lines: Lines) -> None:
    log = structlog.get_logger()
    log.warning("typed", anything=Secret(TEXT), other=SecretStr(TEXT))
    log.warning("named", access_token=TEXT, nested={"Passphrase": TEXT, "list": [{"api_key": TEXT}]})
    log.warning(INSIDE, url=f"redis://user:{TEXT}@host/0", body=f'{{"refresh_token":"{TEXT}"}}')

    assert TEXT not in json.dumps(lines())


def test_no_secret_reaches_a_line_through_an_exception_or_a_library(lines: Lines) -> None:
    try:
        raise RuntimeError(f"Authorization: Bearer {TEXT}")
    except RuntimeError:
        structlog.get_logger().exception("failed")
        logging.getLogger("some.library").exception("access_token=%s", TEXT)

    written = lines()
    assert [line["event"] for line in written] == ["failed", "access_token=***"]
    assert "RuntimeError" in written[0]["exception"]
    assert TEXT not in json.dumps(written)


def test_lines_for_people_hold_no_secret_either(lines: Lines) -> None:
    written = StringIO()
    configure_logs("token_keeper", json=False, to=written)
    try:
        token = TEXT
        raise RuntimeError(f"Bearer {token}")
    except RuntimeError:
        structlog.get_logger().exception("failed", refresh_token=TEXT)

    assert "RuntimeError" in written.getvalue()
    assert TEXT not in written.getvalue()
    assert lines() == []


def test_text_without_secrets_is_left_as_it_is() -> None:
    event = {"event": "order refused", "code": "51008", "url": "redis://127.0.0.1:6379/0", "tokens": 3}

    assert redact(None, "info", dict(event)) == event


def test_a_reason_is_logged_once_and_counted_always() -> None:
    counted: list[str] = []
    once = OnceLog("unreadable_message", counted.append)

    with capture_logs() as logs:
        for _ in range(3):
            once.note("no instId", channel="orders")

    assert [(line["event"], line["reason"], line["channel"]) for line in logs] == [
        ("unreadable_message", "no instId", "orders")
    ]
    assert counted == ["no instId"] * 3


def test_endless_new_reasons_do_not_fill_memory() -> None:
    once = OnceLog("unreadable_message", lambda _reason: None)

    with capture_logs():
        for number in range(3_000):
            once.note(f"reason {number}")

    assert len(once.seen) == 1_001
    assert once.seen["other"] == 2_000


def test_a_unit_of_work_writes_one_line_at_its_end_even_when_it_fails() -> None:
    def fail_half_way() -> None:
        with canonical_line("copied", entry="1-0") as line:
            line.note(followers=3)
            raise KeyError("x")

    with capture_logs() as logs, pytest.raises(KeyError):
        fail_half_way()

    [written] = logs
    assert written.pop("took_ms") >= 0
    assert written == {"event": "copied", "entry": "1-0", "followers": 3, "failed": "KeyError", "log_level": "info"}

"""The command that holds recorded messages against our models."""

import json
from pathlib import Path

import msgspec
import pytest

from shared.okx import checking
from shared.okx.parse import main, read_folder
from tests.unit.shared.okx.scripted import PAYLOADS, payload


def test_every_payload_of_ours_is_modelled_or_an_envelope_and_equal_to_the_wire() -> None:
    report = read_folder(PAYLOADS)
    assert [(one.file, one.different, one.failure) for one in report.verdicts if not one.good] == []
    assert [one.file for one in report.verdicts if one.undocumented] == []
    assert report.unreadable == {}
    assert len(report.verdicts) == len(list(PAYLOADS.glob("*.json")))
    assert all(one.fields for one in report.verdicts)
    assert report.passed_over() == {}


def test_texts_of_rest_and_sockets_are_taken_apart(tmp_path: Path) -> None:
    order = json.dumps(payload("rest_order_details_filled"), indent=4)
    (tmp_path / "rest.txt").write_text(f"GET\n/api/v5/trade/order\ntrue\n{order}")
    (tmp_path / "other.txt").write_text('POST\n/api/v5/trade/amend-order\ntrue\n{"code":"0","msg":"","data":[{"x":1}]}')
    push = json.dumps(payload("ws_orders_fill"), indent=4)
    sent = '> {"op":"login","args":[{}]}\n< {"event":"login","code":"0","msg":"","connId":"a"}\n'
    (tmp_path / "socket.txt").write_text(f"{sent}=1 \n{push}")
    candle = '={"arg":{"channel":"candle1D"},"data":[["1"]]}'
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "candle.txt").write_text(candle)
    report = read_folder(tmp_path)
    assert [(one.file, one.kind, one.model, one.good) for one in report.verdicts] == [
        ("deep/candle.txt", "push candle1D", "", True),
        ("other.txt", "POST /api/v5/trade/amend-order", "", True),
        ("rest.txt", "GET /api/v5/trade/order", "Order", True),
        ("socket.txt", "event login", "Frame", True),
        ("socket.txt", "push orders", "OrderPush", True),
    ]
    assert report.passed_over() == {"push candle1D": 1, "POST /api/v5/trade/amend-order": 1}
    assert report.totals()["unmodelled_fields"] > 20


def test_a_capture_without_a_request_is_known_by_its_items(tmp_path: Path) -> None:
    body = payload("rest_order_insufficient_funds")
    (tmp_path / "capture.json").write_text(json.dumps({"_source": "x", "_http_status": None, "body": body}))
    (tmp_path / "plain.json").write_text(json.dumps(payload("ws_tickers")))
    (tmp_path / "refused.json").write_text('{"msg":"Too Many Requests","code":"50011"}')
    kinds = [(one.kind, one.model) for one in read_folder(tmp_path).verdicts]
    assert kinds == [("answer about orders", "OrderReply"), ("push tickers", "Ticker"), ("answer without items", "")]


def test_news_is_named(tmp_path: Path) -> None:
    body = payload("ws_orders_fill")
    body["data"][0]["brandNew"] = "1"
    (tmp_path / "push.json").write_text(json.dumps(body))
    [verdict] = read_folder(tmp_path).verdicts
    assert verdict.undocumented == ["brandNew"]


def test_files_in_no_known_form_are_listed_and_harm_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("these are notes\n")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "ignored.md").write_text("# not a message")
    (tmp_path / "time.json").write_text(json.dumps(payload("rest_time")))
    assert main([str(tmp_path), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert sorted(shown["unreadable_files"]) == ["binary.txt", "broken.json", "list.json", "notes.txt"]
    assert shown["totals"]["messages"] == 1


@pytest.mark.parametrize(
    "answer", ['{"code":"0","data":[{"ts":1}]}', '{"code":"0","data":[{}]}', "<html>", "[]", '{"data":[]}']
)
def test_a_modelled_endpoint_that_cannot_be_read_fails_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    (tmp_path / "time.txt").write_text(f"GET\n/api/v5/public/time\nfalse\n{answer}")
    assert main([str(tmp_path)]) == 1
    assert "FAILED" in capsys.readouterr().out


class Altered(msgspec.Struct):
    """A model that does not keep the wire's text."""

    ts: str

    def __post_init__(self) -> None:
        self.ts = self.ts.rstrip("0")


def test_a_modelled_field_that_differs_fails_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "_ENDPOINTS", {"GET /api/v5/public/time": Altered})
    (tmp_path / "time.txt").write_text('GET\n/api/v5/public/time\nfalse\n{"code":"0","msg":"","data":[{"ts":"10"}]}')
    assert main([str(tmp_path), "--json"]) == 1
    [message] = json.loads(capsys.readouterr().out)["messages"]
    assert message["different"] == ["ts: read '1', on the wire '10'"]


def test_nothing_to_read_is_an_error_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere")]) == 2
    assert main([str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("expected") == 2

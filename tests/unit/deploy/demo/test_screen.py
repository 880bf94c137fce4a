"""What people read at the end, and under way."""

import io

import pytest
from rich.console import Console

from deploy.demo.audit.report import MEANINGS, Finding, Report, Word
from deploy.demo.screen import Lines, live_table, print_report
from deploy.demo.tally import Tally

CLEAN = Report(10, 20, 150, 1, 7, 12.4, 80.2, {"below_minimum": 3, "whatever": 1}, [])


def printed(report: Report) -> str:
    page = io.StringIO()
    print_report(report, Console(file=page, width=100))
    return page.getvalue()


def test_a_clean_report_says_so_and_explains_every_word() -> None:
    page = printed(CLEAN)
    assert all(word.value in page and MEANINGS[word] in page for word in Word)
    assert "Clean:" in page
    assert "FAILED" not in page


def test_a_finding_is_named_with_its_numbers() -> None:
    finding = Finding(Word.LOST, "the target [5] asked for +1", "follower-1", "BTC-USDT-SWAP", "lead:BTC-USDT-SWAP:1")
    page = printed(Report(10, 20, 150, 1, 7, 12.4, 80.2, {}, [finding]))
    assert "FAILED" in page
    assert "lost: follower-1 BTC-USDT-SWAP lead:BTC-USDT-SWAP:1: the target [5] asked for +1" in page
    assert "Clean" not in page


def test_the_live_table_shows_lanes_skips_and_who_is_down() -> None:
    tally = Tally([])
    tally.skips.update(netted=4)
    tally.gauges = {"worker-1": {"lanes_held": 16}}
    page = io.StringIO()
    Console(file=page, width=100).print(live_table("trading", tally, ["worker-1", "worker-2"], 1, 12))
    assert all(text in page.getvalue() for text in ("worker-1 16", "worker-2 down", "netted 4", "time left", "12 s"))


def test_elsewhere_a_line_now_and_then_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    lines.say("trading")
    for _ in range(3):
        lines.show(Tally([]), ["worker-1"], 0, None)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("copies 0") == 1

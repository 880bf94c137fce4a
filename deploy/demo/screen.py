"""What people see: a live table on a terminal, a line now and then elsewhere, and the audit in plain words."""

import sys
import time
from collections.abc import Sequence
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.demo.audit.claims import NATURAL
from deploy.demo.audit.report import MEANINGS, Report
from deploy.demo.tally import Tally

_LINE_EVERY_S = 5.0
_FINDINGS_SHOWN = 20


class Screen(Protocol):
    """Where a rehearsal says what it does."""

    def say(self, what: str) -> None:
        """Name what begins now."""

    def show(self, tally: Tally, workers: Sequence[str], kills: int, left_s: float | None) -> None:
        """Show where things stand."""

    def close(self) -> None:
        """Leave the screen to others."""


class Lines:
    """A plain line on standard error every few seconds: for logs, and for machines that read standard output."""

    def __init__(self) -> None:
        self._said_at = 0.0

    def say(self, what: str) -> None:
        """Name what begins now."""
        sys.stderr.write(f"{what}\n")

    def show(self, tally: Tally, workers: Sequence[str], kills: int, left_s: float | None) -> None:
        """Show where things stand, if the last line is old enough."""
        now = time.monotonic()
        if now - self._said_at < _LINE_EVERY_S:
            return
        self._said_at = now
        figures = ", ".join(f"{name} {value}" for name, value in _figures(tally, workers, kills, left_s))
        sys.stderr.write(f"  {figures}\n")

    def close(self) -> None:
        """Nothing is left to do."""


class LiveTable:
    """A table that is drawn again in place, on standard output."""

    def __init__(self, console: Console | None = None) -> None:
        self._doing = ""
        self._live = Live(console=console or Console(), refresh_per_second=4, transient=True)
        self._live.start()

    def say(self, what: str) -> None:
        """Name what begins now, above the table."""
        self._doing = what
        self._live.update(Text(f"{what} ...", style="bold"))

    def show(self, tally: Tally, workers: Sequence[str], kills: int, left_s: float | None) -> None:
        """Draw the table anew."""
        self._live.update(live_table(self._doing, tally, workers, kills, left_s))

    def close(self) -> None:
        """Take the table off the screen."""
        self._live.stop()


def live_table(doing: str, tally: Tally, workers: Sequence[str], kills: int, left_s: float | None) -> Group:
    """Lay out where things stand."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column(style="dim")
    table.add_column(justify="right", min_width=12)
    table.add_column(style="dim", overflow="fold")
    notes = dict(_NOTES)
    for name, value in _figures(tally, workers, kills, left_s):
        table.add_row(name, value, notes.get(name, ""))
    return Group(Text(f"Slipstream rehearsal: {doing}", style="bold"), Text(), table)


_NOTES = (
    ("events", "fills of the three leaders"),
    ("copies", "orders the venue accepted from followers"),
    ("p50", "half of the copies reached the venue this soon after the leader's fill"),
    ("p99", "and all but one in a hundred this soon"),
    ("lanes", "slices of followers, by the worker that holds them"),
    ("skips", "copies not made, by reason"),
    ("in doubt", "orders that may exist: being asked for"),
    ("renewed", "OAuth tokens renewed under way"),
    ("kills", "workers ended with kill -9 in the middle of a fan-out"),
)


def _figures(tally: Tally, workers: Sequence[str], kills: int, left_s: float | None) -> list[tuple[str, str]]:
    lanes = [(name, tally.gauges.get(name, {}).get("lanes_held")) for name in workers]
    doubts = tally.total("strands_in_doubt", dict.fromkeys(workers))
    renewed = tally.gauges.get("token_keeper", {}).get("grant_refreshes", 0)
    return [
        ("events", f"{tally.events:,}"),
        ("copies", f"{tally.copies:,}"),
        ("p50", f"{tally.percentile(50):,.0f} ms"),
        ("p99", f"{tally.percentile(99):,.0f} ms"),
        ("lanes", "  ".join(f"{name} {'down' if held is None else f'{held:.0f}'}" for name, held in lanes)),
        ("skips", "  ".join(f"{reason} {count:,}" for reason, count in tally.skips.most_common()) or "none"),
        ("in doubt", f"{doubts:,.0f}"),
        ("renewed", f"{renewed:,.0f}"),
        ("kills", f"{kills}"),
        ("time left", "-" if left_s is None else f"{left_s:.0f} s"),
    ]


def print_report(report: Report, console: Console) -> None:
    """Print the audit: what happened, what was looked for, what was found."""
    console.print(_happened(report))
    console.print(_verdicts(report))
    if report.findings:
        console.print(f"The first findings, of {len(report.findings)}:", style="bold")
        for finding in report.findings[:_FINDINGS_SHOWN]:
            console.print(f"  {finding}", soft_wrap=True, markup=False, highlight=False)
    clean = "Clean: every fill of a leader reached every follower once, in order, tagged, at the right size."
    console.print(
        clean if report.clean else "Something is wrong; see above.", style="bold green" if report.clean else "bold red"
    )


def _happened(report: Report) -> Table:
    table = Table(title="What happened", title_justify="left", title_style="bold", box=None, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    natural = sum(count for reason, count in report.skips.items() if reason in NATURAL)
    skips = ", ".join(f"{reason} {count:,}" for reason, count in report.skips.items())
    rows = [
        ("followers", f"{report.followers:,}", "accounts that copy the three leaders"),
        ("events", f"{report.events:,}", "fills of the leaders"),
        ("copies", f"{report.copies:,}", "orders the venue accepted from followers"),
        ("fill to order", f"{report.p50_ms:,.0f} ms", f"for half of the copies; {report.p99_ms:,.0f} ms for 99 of 100"),
        ("kills", f"{report.kills}", "workers ended with kill -9 while their orders were leaving"),
        (
            "in doubt",
            f"{report.in_doubt:,}",
            "orders that might or might not exist after a kill: asked for, not guessed",
        ),
        ("skips", f"{sum(report.skips.values()):,}", f"{natural:,} because of sizes; each checked ({skips or 'none'})"),
    ]
    for row in rows:
        table.add_row(*row)
    return table


def _verdicts(report: Report) -> Table:
    title = "The audit, from the venue's own evidence"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="dim")
    table.add_column("looked for")
    table.add_column("found", justify="right")
    table.add_column("")
    table.add_column("meaning", style="dim")
    for word, count in report.counts.items():
        verdict = Text("ok", style="green") if not count else Text("FAILED", style="bold red")
        table.add_row(word.value, f"{count:,}", verdict, MEANINGS[word])
    return table

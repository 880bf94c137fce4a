"""What people see: a live table on a terminal, a line now and then elsewhere, and the audit in plain words."""

import sys
import time
from collections.abc import Sequence
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.demo.audit.report import MEANINGS, SKIPS, Report
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
    table.add_column(min_width=22)
    table.add_column(style="dim")
    for name, value in _figures(tally, workers, kills, left_s):
        table.add_row(name, value.replace("; ", "\n"), _NOTES.get(name, ""))
    return Group(Text(f"Slipstream rehearsal: {doing}", style="bold"), Text(), table)


_NOTES = {
    "events": "fills of the three leaders",
    "copies": "orders the venue accepted from followers",
    "p50": "fill to order, for half of the copies",
    "p99": "fill to order, for 99 of 100",
    "lanes": "slices of followers each worker holds",
    "skips": "copies not made, by reason",
    "in doubt": "followers whose orders are being asked for",
    "renewals": "of OAuth tokens, under way",
    "kills": "workers ended with kill -9",
}


def _figures(tally: Tally, workers: Sequence[str], kills: int, left_s: float | None) -> list[tuple[str, str]]:
    held = {name: tally.gauges.get(name, {}).get("lanes_held") for name in workers}
    doubts = tally.total("strands_in_doubt", dict.fromkeys(workers))
    renewals = tally.gauges.get("token_keeper", {}).get("grant_refreshes", 0)
    figures = [
        ("events", f"{tally.events:,}"),
        ("copies", f"{tally.copies:,}"),
        ("p50", f"{tally.percentile(50):,.0f} ms"),
        ("p99", f"{tally.percentile(99):,.0f} ms"),
        ("lanes", "; ".join(f"{name} {'down' if lanes is None else f'{lanes:.0f}'}" for name, lanes in held.items())),
        ("skips", "; ".join(f"{reason} {count:,}" for reason, count in tally.skips.most_common()) or "none"),
        ("in doubt", f"{doubts:,.0f}"),
        ("renewals", f"{renewals:,.0f}"),
        ("kills", f"{kills}"),
    ]
    return figures if left_s is None else [*figures, ("time left", f"{left_s:.0f} s")]


def print_report(report: Report, console: Console) -> None:
    """Print the audit: what happened, what was looked for, what was found."""
    console.print(_happened(report), Text(), _verdicts(report), Text())
    if report.findings:
        console.print(f"The first findings, of {len(report.findings)}:", style="bold")
        for finding in report.findings[:_FINDINGS_SHOWN]:
            console.print(f"  {finding}", soft_wrap=True, markup=False, highlight=False)
        console.print("\nSomething is wrong, and this is where.", style="bold red")
    else:
        console.print(
            "Clean: every fill reached every follower exactly once, or was rightly skipped.", style="bold green"
        )


def _happened(report: Report) -> Table:
    table = Table(title="What happened", title_justify="left", title_style="bold", box=None, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    rows = [
        ("followers", f"{report.followers:,}", "accounts that copy the three leaders"),
        ("events", f"{report.events:,}", "fills of the leaders"),
        ("copies", f"{report.copies:,}", "orders the venue accepted from followers"),
        ("fill to order", f"{report.p50_ms:,.0f} ms", f"for half of the copies; {report.p99_ms:,.0f} ms for 99 of 100"),
        ("kills", f"{report.kills}", "workers ended with kill -9 while their orders were leaving"),
        ("in doubt", f"{report.in_doubt:,}", "orders that might exist after a kill: asked for, never guessed"),
        ("skips", f"{sum(report.skips.values()):,}", "copies not made; each reason checked against the evidence:"),
        *(
            ("", f"{count:,}", f"{reason}: {SKIPS.get(reason, 'see the ledger')}")
            for reason, count in report.skips.items()
        ),
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

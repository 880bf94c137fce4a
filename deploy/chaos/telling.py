"""Say what a session found: tables for people, one JSON object for programs, a timeline for every seed that failed."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.chaos.kinds import MEANINGS, Kind
from deploy.chaos.options import Options
from deploy.chaos.result import ZEROS, Result, summary
from deploy.demo.audit.report import MEANINGS as WORDS

_FINDINGS_SHOWN = 12


def tell(results: Sequence[Result], failed: Sequence[int], options: Options) -> None:
    """Print a session's outcome."""
    whole = summary(results, failed)
    if options.json:
        print(json.dumps(whole), flush=True)
        return
    console = Console()
    console.print(_faults(whole["faults"]), Text(), _verdicts(whole), Text(), _figures(whole), Text())
    if whole["failing_seeds"] or failed:
        seeds = [*whole["failing_seeds"], *failed]
        console.print(f"Something is wrong: seeds {seeds}. Again: --runs 1 --seed {seeds[0]}", style="bold red")
    else:
        console.print(
            f"Clean: {whole['runs']} runs, and nothing was lost, doubled or out of order.", style="bold green"
        )


def story(result: Result, options: Options) -> str:
    """Return what happened in a run that found something, and what was found."""
    lines = [
        f"\nseed {result.seed}: logs in {options.folder}/seed-{result.seed}; again with:",
        f"  --runs 1 --seed {result.seed} --followers {options.followers} --workers {options.workers}",
        *result.timeline,
        *(f"         {finding}" for finding in result.findings[:_FINDINGS_SHOWN]),
    ]
    return "\n".join(lines) + "\n"


def _faults(faults: dict[str, int]) -> Table:
    table = Table(title="What went wrong on purpose", title_justify="left", title_style="bold", box=None)
    table.add_column("fault")
    table.add_column("runs", justify="right")
    table.add_column("meaning", style="dim")
    for kind, count in faults.items():
        table.add_row(kind, f"{count}", MEANINGS[Kind(kind)])
    return table


def _verdicts(whole: dict[str, int]) -> Table:
    title = "The audit, from the venue's own evidence"
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    table.add_column("looked for")
    table.add_column("found", justify="right")
    table.add_column("meaning", style="dim")
    for word in ZEROS:
        count = whole[word.value]
        table.add_row(word.value, Text(f"{count}", style="bold red" if count else "green"), WORDS[word])
    return table


def _figures(whole: dict[str, object]) -> Table:
    table = Table(title="Figures", title_justify="left", title_style="bold", box=None, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    rows = {
        "runs": "each with processes, server and database of its own",
        "events": "fills of leaders",
        "copies": "orders the venue accepted from followers",
        "in_doubt": "orders asked for by name after a service was killed or stopped",
        "takeover_p99_s": "seconds from kill -9 until everything the dead worker left was decided",
        "handover_p99_s": "seconds from SIGTERM until others held every lane",
        "feed_loss_detect_p99_s": "seconds until every watcher noticed a cut or silent socket",
        "crashes": "services that ended by themselves, and were started again",
    }
    for name, meaning in rows.items():
        value = whole[name]
        table.add_row(name, "not measured" if value is None else f"{value}", meaning)
    return table

"""Read a folder of recorded OKX messages through our models, and say how well they fit.

    python -m shared.okx.parse FOLDER [--json]

Exits 1 if a modelled field differs from the wire, or a message of a modelled endpoint cannot be read; 2 if there is
nothing to read. Endpoints, channels and fields that are not modelled are counted, and no fault.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from shared.okx.checking import Verdict, check
from shared.okx.recordings import UnreadableFile, read_file

_SUFFIXES = frozenset({".json", ".txt"})


@dataclass(frozen=True, slots=True)
class Report:
    """What a folder held."""

    verdicts: list[Verdict]
    unreadable: dict[str, str]

    @property
    def good(self) -> bool:
        """Tell whether everything modelled was read as it stands."""
        return all(verdict.good for verdict in self.verdicts)

    def totals(self) -> dict[str, int]:
        """Return the sums people look at first."""
        modelled = [verdict for verdict in self.verdicts if verdict.model]
        return {
            "messages": len(self.verdicts),
            "modelled": len(modelled),
            "fields_equal": sum(one.fields - len(one.different) for one in self.verdicts),
            "fields_different": sum(len(one.different) for one in self.verdicts),
            "failed": sum(bool(one.failure) for one in self.verdicts),
            "unmodelled_kinds": len(self.passed_over()),
            "unmodelled_fields": sum(len(one.unmodelled) for one in modelled),
            "undocumented_fields": sum(len(one.undocumented) for one in modelled),
            "unreadable_files": len(self.unreadable),
        }

    def passed_over(self) -> Counter[str]:
        """Count the endpoints, channels and ops of which we read the envelope only."""
        return Counter(one.kind for one in self.verdicts if not one.model)


def read_folder(folder: Path) -> Report:
    """Judge every message below a folder, in the order of the file names."""
    verdicts: list[Verdict] = []
    unreadable: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES):
        name = str(path.relative_to(folder))
        try:
            verdicts += [check(recording) for recording in read_file(path, name)]
        except UnreadableFile as error:
            unreadable[name] = str(error)
    return Report(verdicts, unreadable)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m shared.okx.parse", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of recorded messages; read to its depths")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    given = parser.parse_args(arguments)
    if not given.folder.is_dir():
        sys.stderr.write(f"{given.folder} is no folder; expected one with recorded OKX messages\n")
        return 2
    report = read_folder(given.folder)
    if not (report.verdicts or report.unreadable):
        sys.stderr.write(f"{given.folder} holds no .json or .txt file; expected recorded OKX messages\n")
        return 2
    _print_json(report) if given.json else _print_tables(report)
    return 0 if report.good else 1


def _print_json(report: Report) -> None:
    whole = {
        "totals": report.totals(),
        "unmodelled_kinds": report.passed_over(),
        "unreadable_files": report.unreadable,
        "messages": [asdict(verdict) for verdict in report.verdicts],
    }
    print(json.dumps(whole, indent=1))


def _print_tables(report: Report) -> None:
    console = Console()
    table = Table("message", "file", "model", "equal", "different", "not modelled", "undocumented", "verdict")
    for one in report.verdicts:
        equal = str(one.fields - len(one.different))
        counts = equal, str(len(one.different)), str(len(one.unmodelled)), ", ".join(sorted(set(one.undocumented)))
        verdict = "[red]FAILED[/red]" if not one.good else "ok" if one.model else "envelope"
        table.add_row(one.kind, one.file, one.model or "-", *counts, verdict)
    console.print(table)
    for one in report.verdicts:
        for fault in (*one.different, *([one.failure] if one.failure else [])):
            console.print(f"[red]{one.file}[/red] {one.kind}: {fault}", highlight=False)
    for name, why in report.unreadable.items():
        console.print(f"[yellow]{name}[/yellow] {why}", highlight=False)
    totals = Table("total", "number")
    for name, number in report.totals().items():
        totals.add_row(name.replace("_", " "), str(number))
    console.print(totals)


if __name__ == "__main__":
    sys.exit(main())

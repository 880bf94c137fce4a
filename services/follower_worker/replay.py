"""`python -m services.follower_worker.replay`: show what was set aside, and have it reconciled.

Nothing is ever run again. A poisoned strand opens nothing until its book was brought down to what account and leader
allow; `--apply` asks the lane's holder for that, by an entry of the stream. Exit codes: 0 nothing is set aside, or all
of it was asked for; 1 something is, and nothing was asked; 2 bad settings or arguments.
"""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from services.follower_worker.records import key_of
from services.follower_worker.settings import Settings
from services.follower_worker.wiring import replaying
from shared.bus.client import UNREACHABLE
from shared.configuration import load
from shared.domain.lanes import Lane
from shared.domain.quantities import plain
from shared.messages.entries import DeadLetter, ReconcileV1
from shared.ports import LaneStore

_LETTERS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Poisoned:
    """A strand that was set aside."""

    follower: str
    leader: str
    inst_id: str
    target: str
    held: str
    asked: bool
    """Whether its reconciliation was asked for already and is not done yet."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Everything that was set aside."""

    poisoned: list[Poisoned]
    letters: list[DeadLetter]


def main(arguments: list[str] | None = None) -> int:
    """Show, and with `--apply` ask."""
    parser = argparse.ArgumentParser(prog="python -m services.follower_worker.replay", description=__doc__)
    parser.add_argument("--apply", action="store_true", help="ask for every poisoned strand; without it, only show")
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    told = parser.parse_args(arguments)
    settings = load(Settings, ())
    try:
        aside, asked = asyncio.run(_replay(settings, apply=told.apply))
    except UNREACHABLE as error:
        print(f"Redis cannot be reached: {error}; nothing was asked for", file=sys.stderr)
        return 1
    _tell(aside, asked, as_json=told.json)
    return 1 if aside.poisoned and not told.apply else 0


async def _replay(settings: Settings, *, apply: bool) -> tuple[Aside, int]:
    async with replaying(settings) as bus:
        poisoned = [each for lane in range(settings.lanes) for each in await _poisoned(bus.state, Lane(lane))]
        aside = Aside(poisoned, await bus.trades.letters(_LETTERS_SHOWN))
        now_ms = bus.clock.now_ms()
        wanted = [ReconcileV1(each.follower, each.leader, each.inst_id, now_ms) for each in poisoned if not each.asked]
        return aside, await bus.commands.publish(wanted) if apply else 0


async def _poisoned(state: LaneStore, lane: Lane) -> list[Poisoned]:
    record = await state.load(lane)
    named = ((key_of(name), kept) for name, kept in record.strands.items() if kept.poisoned)
    return [
        Poisoned(key.follower, key.leader, key.inst_id, plain(kept.target), plain(kept.held), kept.reconciling)
        for key, kept in named
    ]


def _tell(aside: Aside, asked: int, *, as_json: bool) -> None:
    if as_json:
        letters = [{"entry": each.entry, "reason": each.reason} for each in aside.letters]
        poisoned = [asdict(each) for each in aside.poisoned]
        print(json.dumps({"poisoned": poisoned, "letters": letters, "asked": asked}))
        return
    console = Console()
    if not aside.poisoned and not aside.letters:
        console.print("Nothing is set aside.")
        return
    table = Table("follower", "leader", "instrument", "target", "held", "asked for", title="Poisoned: only closes")
    for each in aside.poisoned:
        row = (each.follower, each.leader, each.inst_id, each.target, each.held, "yes" if each.asked else "no")
        table.add_row(*row)
    unread = Table("entry", "reason", title="Entries nobody could read; they are never run again")
    for letter in aside.letters:
        unread.add_row(letter.entry, letter.reason)
    console.print(table, unread)
    done = f"{asked} asked for" if asked else "nothing was asked for; --apply asks"
    console.print(f"{len(aside.poisoned)} poisoned, {len(aside.letters)} unreadable: {done}.")


if __name__ == "__main__":
    sys.exit(main())

"""Entries that are not decided by everybody yet, and what a commit carried: values of a lane."""

from dataclasses import dataclass

from services.follower_worker.strands import Strand
from shared.domain.ids import EntryId
from shared.messages.entries import SubscriptionV1
from shared.messages.lane import Commit


@dataclass(slots=True)
class OpenEntry:
    """An entry some strands have not decided yet."""

    entry: EntryId
    undecided: int
    change: SubscriptionV1 | None = None
    """Put in force by this entry.

    Written with the offset that passes it, so that whoever reads on from there finds the settings of that moment.
    """


@dataclass(slots=True)
class Written:
    """What one commit carried, to be noted when it succeeds."""

    commit: Commit
    strands: list[tuple[Strand, int, int]]

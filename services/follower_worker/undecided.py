"""Entries that are not decided by everybody yet: values of a lane."""

from dataclasses import dataclass

from shared.domain.ids import EntryId
from shared.messages.entries import SubscriptionV1


@dataclass(slots=True)
class OpenEntry:
    """An entry some strands have not decided yet."""

    entry: EntryId
    undecided: int
    change: SubscriptionV1 | None = None
    """Put in force by this entry.

    Written with the offset that passes it, so that whoever reads on from there finds the settings of that moment.
    """

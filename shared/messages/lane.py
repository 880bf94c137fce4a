"""A lane as its holder finds it and as it writes it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from shared.domain.ids import EntryId
from shared.messages.entries import SubscriptionV1
from shared.messages.outcome import OutcomeV1
from shared.messages.strand import StrandV1


class Written(StrEnum):
    """What became of a commit."""

    OK = "ok"
    REPEAT = "repeat"
    LOST = "lost"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class LaneRecord:
    """A lane as found; strands by their field name without prefix."""

    offset: EntryId
    seq: int
    strands: Mapping[str, StrandV1]
    subscriptions: Sequence[SubscriptionV1]
    unreadable: Sequence[str]
    """Fields of another version or damaged; never dropped in silence."""


@dataclass(slots=True)
class Commit:
    """One step to write."""

    seq: int
    offset: EntryId | None = None
    strands: dict[str, StrandV1] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)
    subscriptions: list[SubscriptionV1] = field(default_factory=list)
    outcomes: list[OutcomeV1] = field(default_factory=list)


_lines = msgspec.json.Encoder().encode_lines


def spell(commit: Commit) -> tuple[bytes, bytes]:
    """Spell what a commit sets, strands before subscriptions, and its outcomes: JSON, a line each, in one call each."""
    return _lines([*commit.strands.values(), *commit.subscriptions]), _lines(commit.outcomes)

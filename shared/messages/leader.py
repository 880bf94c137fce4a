"""What has been published of a leader, and what became of a publication."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.ids import InstId
from shared.domain.quantities import Contracts


@dataclass(frozen=True, slots=True)
class LeaderState:
    """What has been published of one leader. `version` 0 means nothing, ever, or all of it forgotten."""

    version: int
    last_ms: int
    floor_ms: int
    positions: dict[InstId, Contracts]
    since_ms: int
    """Redis may have forgotten what was published before this venue time."""
    server: str
    """The server this was read from: on another one the same version means something else."""


class Published(StrEnum):
    """What became of a publication."""

    OK = "ok"
    STALE = "stale"
    """Somebody published meanwhile: read the state again and compute again."""
    EPOCH = "epoch"
    """Redis is another server than the one we know; the epoch must be renewed first."""

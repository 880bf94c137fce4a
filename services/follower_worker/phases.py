"""Where a strand may stand; the picture is in `strands`."""

from enum import StrEnum


class Phase(StrEnum):
    """Where a strand stands; see the picture in `strands`."""

    IDLE = "idle"
    READY = "ready"
    FLYING = "flying"
    UNSETTLED = "unsettled"
    UNKNOWN = "unknown"
    DOUBTFUL = "doubtful"

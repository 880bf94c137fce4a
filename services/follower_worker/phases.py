"""Where a strand may stand; the picture is in `strands`."""

from enum import StrEnum


class Phase(StrEnum):
    """Where a strand stands; see the picture in `strands`."""

    __hash__ = str.__hash__  # an enumeration's own is a frame of Python, and these are looked up for every order

    IDLE = "idle"
    READY = "ready"
    FLYING = "flying"
    UNSETTLED = "unsettled"
    UNKNOWN = "unknown"
    DOUBTFUL = "doubtful"


IDLE, READY, FLYING, UNSETTLED, UNKNOWN, DOUBTFUL = Phase
"""For the way of an order: asked of its class, a member of an enumeration costs ten times a name of a module."""

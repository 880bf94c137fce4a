"""How much of the stream may be unreadable before the fault must be ours, and reading on would lose the rest."""

from collections import deque

_WINDOW, _LEAST, _MOST_SHARE = 200, 20, 0.5


class TooManyDead(Exception):
    """Most of what was read lately cannot be read by this build: it must not go on and set everything aside."""


class DeadLetters:
    """Counts what could and could not be read, over the latest entries."""

    def __init__(self) -> None:
        self._dead: deque[bool] = deque(maxlen=_WINDOW)

    def note(self, *, readable: bool) -> None:
        """Count an entry.

        Raises:
            TooManyDead: more than half of the latest entries, and twenty of them at least, cannot be read.
        """
        self._dead.append(not readable)
        if readable:
            return
        dead = sum(self._dead)
        if dead > _LEAST and dead > _MOST_SHARE * len(self._dead):
            raise TooManyDead(
                f"{dead} of the latest {len(self._dead)} entries cannot be read; expected at most half:"
                " the stream was written by another version, so run that one, or set its entries aside by hand"
            )

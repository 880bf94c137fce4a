"""Orders and questions that have to wait for something before they can leave: a task each, and their end told."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from shared.domain.outcomes import Category, NotPlaced, OrderReport, Placement, Postponement, Refused, Unknown
from shared.ports import CouldNotAsk, GrantUnusable, Inquired, Placed, Shown


class Apart:
    """The tasks under way. Whatever happens on the way is told, once, and goes no further."""

    def __init__(self) -> None:
        self._working: set[asyncio.Task[None]] = set()

    def place(self, placing: Coroutine[Any, Any, Placement], placed: Placed) -> None:
        """Have an order placed."""
        self._begin(_place(placing, placed))

    def ask(self, asking: Coroutine[Any, Any, OrderReport | None], inquired: Inquired) -> None:
        """Have a question asked."""
        self._begin(_ask(asking, inquired))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)


def unusable(error: GrantUnusable) -> Refused:
    """Return what becomes of an order whose grant cannot be used."""
    return Refused("", "", Category.GRANT_DEAD, str(error))


async def _place(placing: Coroutine[Any, Any, Placement], placed: Placed) -> None:
    try:
        placement = await placing
    except GrantUnusable as error:
        placement = unusable(error)
    except CouldNotAsk:
        placement = NotPlaced(Postponement.NOT_SENT)
    except Exception as error:  # noqa: BLE001 - whatever it was, the order may have left: it is asked for
        placement = Unknown(f"not known to have left: {type(error).__name__}")
    placed(placement)


async def _ask(asking: Coroutine[Any, Any, OrderReport | None], inquired: Inquired) -> None:
    try:
        shown: Shown = await asking
    except (CouldNotAsk, GrantUnusable) as error:
        shown = error
    except Exception as error:  # noqa: BLE001 - whatever it was, nothing was learned
        shown = CouldNotAsk(f"the question failed: {type(error).__name__}")
    inquired(shown)

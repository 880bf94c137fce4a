"""Where a webhook's host really is: looked up, every address checked, and only checked ones handed on.

Whoever connects is given addresses, not the name, so a name that answers differently a moment later leads nowhere else.
"""

import asyncio
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from services.portal.hooks.addresses import Address, is_public, read_address
from services.portal.hooks.targets import Target, Unsafe, read_target

_UNSAFE = "use a host that is found, at public addresses only"
"""One text for a name that is not found and one that leads inside: nobody maps our network by trying names."""


class Resolver(Protocol):
    """Turns names into addresses."""

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        """Return where a name is. OSError: it is nowhere, or nobody can tell now."""


class SystemResolver:
    """The machine's resolver, each look-up on a thread of its own: one that hangs holds up nobody else's.

    The loop's own look-ups share four threads with everything this process does.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        """Return where a name is. OSError: it is nowhere, or nobody can tell now."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Sequence[Address]] = loop.create_future()

        def look_up() -> None:
            try:
                answer: Sequence[Address] | OSError = _look_up(host, port)
            except OSError as error:
                answer = error
            except UnicodeError as error:
                answer = OSError(str(error))
            with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(_hand_over, found, answer)

        threading.Thread(target=look_up, name="webhook-resolver", daemon=True).start()
        async with asyncio.timeout(self._timeout_s):
            return await found


def _look_up(host: str, port: int) -> Sequence[Address]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found = (read_address(str(place[0])) for *_, place in answers)
    return list(dict.fromkeys(each for each in found if each is not None))


def _hand_over(found: asyncio.Future[Sequence[Address]], answer: Sequence[Address] | OSError) -> None:
    if found.done():
        return
    if isinstance(answer, OSError):
        found.set_exception(answer)
    else:
        found.set_result(answer)


@dataclass(frozen=True, slots=True)
class Checked:
    """A target and the addresses it may be reached at."""

    target: Target
    addresses: Sequence[Address]


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets out what may be called; `rehearsal` lets http, any port and private addresses out as well."""

    resolver: Resolver
    rehearsal: bool = False

    async def check(self, url: str) -> Checked:
        """Look a URL's host up now; all of its addresses must be fit.

        Raises:
            Unsafe: it may not be called, or its host is not found.
        """
        target = read_target(url, rehearsal=self.rehearsal)
        literal = target.address
        try:
            found = [literal] if literal else await self.resolver.addresses(target.host, target.port)
        except OSError:
            raise Unsafe(_UNSAFE) from None
        if not found or not (self.rehearsal or all(map(is_public, found))):
            raise Unsafe(_UNSAFE)
        return Checked(target, found)

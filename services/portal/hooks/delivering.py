"""USE CASE what lies in the outboxes is sent: signed, again and again until it is taken, and then given up.

Whoever claims a message sends it; a claim ends by itself, so a portal that dies sends nothing less. A receiver that is
slow or dead holds up its own messages alone.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import random
from typing import Protocol

import structlog

from services.portal.hooks.guarding import Checked, Guard
from services.portal.hooks.signing import signed
from services.portal.hooks.targets import Unsafe
from services.portal.metrics import Metrics
from shared.domain.backoff import delay_ms
from shared.ports import Clock
from shared.vault.secret import Secret

TRIES = 14
"""After the last of them a message is given up: about a day after the first."""
_FIRST_MS, _MOST_MS = 10_000, 6 * 3_600_000
_CLAIM_MS = 60_000
_PER_HOOK, _AT_ONCE = 4, 256
_IDLE_S = 0.5


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message to be sent; `tries` so far."""

    id: str
    hook: str
    url: str
    secret: Secret
    body: str
    tries: int


class Messages(Protocol):
    """Messages of the outboxes. ConnectionError from any: the store is away."""

    async def waiting(self, now_ms: int, per_hook: int, most: int) -> Sequence[Waiting]:
        """Return messages whose time has come, the oldest first, so many of each webhook at the most."""

    async def claim(self, message: Waiting, until_ms: int) -> bool:
        """Take a message until a moment, counting a try; False if somebody else did."""

    async def delivered(self, message: Waiting, status: int, now_ms: int) -> None:
        """Note that a message was taken; nothing if its claim has ended and somebody else took it."""

    async def failed(self, message: Waiting, why: str, again_ms: int | None, now_ms: int) -> None:
        """Note that it was not, and when to try again; None gives it up. Nothing if its claim has ended."""

    async def backlog(self, now_ms: int) -> tuple[int, int]:
        """Return how many messages wait, and for how many milliseconds the oldest has."""


class Post(Protocol):
    """The way out."""

    async def send(self, checked: Checked, headers: dict[str, str], body: bytes) -> int:
        """Send a message and return the receiver's status. Raises OSError (also time-outs) if none came."""


@dataclass(frozen=True, slots=True)
class Delivering:
    """Sends what waits."""

    messages: Messages
    guard: Guard
    post: Post
    clock: Clock
    metrics: Metrics

    async def deliver_for_ever(self) -> None:
        """Send until cancelled."""
        flying: dict[asyncio.Task[None], str] = {}
        while True:
            try:
                begun = await self._begin(flying)
                self.metrics.backlog(*await self.messages.backlog(self.clock.now_ms()))
            except ConnectionError as error:
                structlog.get_logger().warning("messages_not_read", reason=str(error))
                begun = 0
            if not begun:
                await self.clock.sleep(_IDLE_S)

    async def _begin(self, flying: dict[asyncio.Task[None], str]) -> int:
        """Begin to send what may be, so many to each webhook at once at the most; returns how many."""
        begun, loop, busy = 0, asyncio.get_running_loop(), Counter(flying.values())
        for each in await self.messages.waiting(self.clock.now_ms(), _PER_HOOK, _AT_ONCE):
            if busy[each.hook] >= _PER_HOOK or len(flying) >= _AT_ONCE:
                continue
            if await self.messages.claim(each, self.clock.now_ms() + _CLAIM_MS):
                begun, busy[each.hook] = begun + 1, busy[each.hook] + 1
                task = loop.create_task(self.deliver(each))
                flying[task] = each.hook
                task.add_done_callback(flying.pop)
        return begun

    async def deliver(self, message: Waiting) -> None:
        """Send one claimed message; what cannot be noted is sent again when the claim ends."""
        try:
            status, why = await self._send(message)
            if why is None:
                await self.messages.delivered(message, status, self.clock.now_ms())
                self.metrics.delivered("delivered")
            else:
                await self._put_off(message, why)
        except ConnectionError as error:
            structlog.get_logger().warning("delivery_not_noted", message=message.id, reason=str(error))

    async def _send(self, message: Waiting) -> tuple[int, str | None]:
        """Return the receiver's status, and why it does not count as taken."""
        body = message.body.encode()
        try:
            checked = await self.guard.check(message.url)
            headers = signed(message.secret, message.id, self.clock.now_ms() // 1_000, body)
            status = await self.post.send(checked, {**headers, "content-type": "application/json"}, body)
        except Unsafe as error:
            return 0, str(error)
        except OSError as error:
            return 0, f"no answer: {type(error).__name__}"
        return status, None if status // 100 == 2 else f"HTTP {status}"  # noqa: PLR2004 - the class of success

    async def _put_off(self, message: Waiting, why: str) -> None:
        now_ms, tries = self.clock.now_ms(), message.tries + 1
        again_ms = None if tries >= TRIES else now_ms + delay_ms(tries - 1, _FIRST_MS, _MOST_MS, Decimal(random()))
        await self.messages.failed(message, why, again_ms, now_ms)
        self.metrics.delivered("given_up" if again_ms is None else "put_off")
        structlog.get_logger().warning("webhook_not_taken", hook=message.hook, message=message.id, tries=tries, why=why)

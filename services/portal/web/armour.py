"""What every answer carries and every request is held to, before any route sees it."""

from collections import OrderedDict
from collections.abc import Collection
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.ports import Clock

MOST_BYTES = 64 * 1024
"""Of a request's body; the largest form takes a fiftieth."""
_MOST_CALLERS = 10_000
_MINUTE_S = 60.0


class Armour:
    """Adds security headers, bounds bodies, and bounds how often one address may ask."""

    def __init__(
        self, app: ASGIApp, clock: Clock, *, secure: bool, leaves_to: Collection[str], requests_a_minute: int
    ) -> None:
        """Guard an application; `leaves_to` are the origins its forms may end at."""
        self._app, self._clock, self._secure = app, clock, secure
        self._most = requests_a_minute
        self._asked: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """What is left of each caller's share, and when that was."""
        self._policy = (
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none';"
            f" form-action 'self' {' '.join(sorted(leaves_to))}"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Guard one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._protect(MutableHeaders(scope=message))
            await send(message)

        if not self._may_ask(scope["client"][0] if scope["client"] else ""):
            why = {"detail": "too many requests from this address; try again in a minute"}
            refusal = JSONResponse(why, HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": "60"})
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, _bounded(receive), guarded)

    def _may_ask(self, caller: str) -> bool:
        """Take one from a caller's share, which fills again over a minute."""
        now = self._clock.monotonic()
        left, then = self._asked.pop(caller, (float(self._most), now))
        left = min(float(self._most), left + (now - then) * self._most / _MINUTE_S)
        self._asked[caller] = max(0.0, left - 1), now
        if len(self._asked) > _MOST_CALLERS:
            self._asked.popitem(last=False)
        return left >= 1

    def _protect(self, headers: MutableHeaders) -> None:
        headers["Content-Security-Policy"] = self._policy
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
        headers.setdefault("Cache-Control", "no-store")
        if self._secure:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"


def _bounded(receive: Receive) -> Receive:
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body exceeds {MOST_BYTES} bytes")
        return message

    return bounded

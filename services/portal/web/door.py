"""Who is calling: a browser's session, and whether it may change anything; or an operator."""

import secrets
from dataclasses import dataclass
from hmac import compare_digest
from http import HTTPStatus
from typing import Annotated, Any, Protocol

from fastapi import Depends, HTTPException, Request, Response

from services.portal.applicants import Browser
from services.portal.partnering import Key, Partnering, Scope
from shared.domain.ids import AccountId
from shared.ports import Clock

COOKIE = "slipstream_session"
CSRF_HEADER = "X-CSRF-Token"
_STRANGER_MS = 1_800_000
"""How long a session lives in which nobody has signed in: a consent takes ten minutes at the most."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Browsers(Protocol):
    """Sessions as they are stored."""

    async def put(self, session: Browser, now_ms: int, expires_ms: int) -> None:
        """Remember a new session."""

    async def find(self, token: str, now_ms: int) -> Browser | None:
        """Return the session of a cookie."""

    async def end(self, token: str) -> None:
        """Forget a session."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Opens and ends sessions; a sign-in always gets a new cookie."""

    browsers: Browsers
    clock: Clock
    life_ms: int
    secure: bool
    operator: str | None
    partnering: Partnering

    async def open(self, response: Response, account: AccountId | None = None) -> Browser:
        """Begin a session and give the browser its cookie."""
        session = Browser(secrets.token_urlsafe(32), secrets.token_urlsafe(32), account)
        now_ms, life_ms = self.clock.now_ms(), self.life_ms if account else min(self.life_ms, _STRANGER_MS)
        await self.browsers.put(session, now_ms, now_ms + life_ms)
        response.set_cookie(
            COOKIE, session.token, max_age=life_ms // 1_000, httponly=True, secure=self.secure, samesite="lax"
        )
        return session

    async def session(self, request: Request) -> Browser | None:
        """Return the caller's session, None if it has none that lives."""
        token = request.cookies.get(COOKIE)
        return await self.browsers.find(token, self.clock.now_ms()) if token else None

    async def end(self, session: Browser, response: Response) -> None:
        """End a session and take the cookie back."""
        await self.browsers.end(session.token)
        response.delete_cookie(COOKIE, httponly=True, secure=self.secure, samesite="lax")


def doors_of(request: Request) -> Doors:
    """Return the application's doors."""
    doors: Doors = request.app.state.doors
    return doors


def may_change(session: Browser, given: str) -> bool:
    """Tell whether a request that changes something comes from a page of this session."""
    return compare_digest(session.csrf.encode(), given.encode())


async def signed_in(request: Request) -> Browser:
    """Let a signed-in browser in; what it changes needs its token in a header.

    Raises:
        HTTPException: 401 nobody signed in, 403 without the right token.
    """
    session = await doors_of(request).session(request)
    if session is None or session.account is None:
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "sign in by connecting your OKX account")
    if request.method not in _SAFE and not may_change(session, request.headers.get(CSRF_HEADER, "")):
        raise HTTPException(HTTPStatus.FORBIDDEN, f"send the session's token in {CSRF_HEADER}; GET /v1/me tells it")
    return session


async def operator(request: Request) -> None:
    """Let an operator in.

    Raises:
        HTTPException: 401 without the operators' credential.
    """
    expected, given = doors_of(request).operator, request.headers.get("Authorization", "")
    if expected is None or not compare_digest(f"Bearer {expected}".encode(), given.encode()):
        raise HTTPException(
            HTTPStatus.UNAUTHORIZED, "send the operators' credential as a bearer token", {"WWW-Authenticate": "Bearer"}
        )


async def key_in(request: Request) -> Key | None:
    """Return the partner key a request carries, None if it carries none that works."""
    text = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return await doors_of(request).partnering.key_of(text) if text else None


def platform(scope: Scope) -> Any:  # noqa: ANN401 - what FastAPI calls a dependency
    """Let a partner's platform in whose key has a scope.

    Raises:
        HTTPException: 401 without a key that works, 403 if it lacks the scope.
    """

    async def let_in(request: Request) -> Key:
        key = await key_in(request)
        if key is None:
            raise HTTPException(
                HTTPStatus.UNAUTHORIZED, "send a partner key as a bearer token", {"WWW-Authenticate": "Bearer"}
            )
        if scope not in key.scopes:
            raise HTTPException(HTTPStatus.FORBIDDEN, f"the key lacks the scope {scope.value}")
        return key

    return Depends(let_in)


SignedIn = Annotated[Browser, Depends(signed_in)]
AnOperator = Depends(operator)

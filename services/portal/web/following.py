"""The API's live events: what happens to copies, as server-sent events."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated, Any, cast

import structlog
from fastapi import APIRouter, Header, HTTPException, Request
from fastapi.responses import StreamingResponse
from starlette.types import Message, Send

from services.portal.live import Told
from services.portal.partnering import Key, Scope
from services.portal.web.api import SAID, account_of
from services.portal.web.door import SignedIn, doors_of, key_in, platform
from services.portal.web.house import house_of
from shared.domain.ids import AccountId, EntryId
from shared.ports import Clock

own = APIRouter(prefix="/v1", tags=["account"], responses=SAID)
partners = APIRouter(prefix="/v1/partner", tags=["partner"], responses=SAID)

_ENTRY = re.compile(r"[0-9]{1,15}-[0-9]{1,10}")
_MEDIA = "text/event-stream"
_STREAM: dict[int | str, dict[str, Any]] = {HTTPStatus.OK: {"content": {_MEDIA: {"schema": {"type": "string"}}}}}
_LOOK_AGAIN_S, _READ_WITHIN_S = 10.0, 30.0
Allowed = Callable[[], Awaitable[bool]]
LastSeen = Annotated[str | None, Header(alias="Last-Event-ID", max_length=32)]


@own.get("/events", response_class=StreamingResponse, responses=_STREAM)
async def events(session: SignedIn, request: Request, last_event_id: LastSeen = None) -> StreamingResponse:
    """Follow what happens to the account's copies, from now on or after the id given; a sign of life every 15 s."""

    async def allowed() -> bool:
        still = await doors_of(request).session(request)
        return still is not None and still.account == session.account

    return _following(request, account_of(session), last_event_id, allowed)


@partners.get("/events", response_class=StreamingResponse, responses=_STREAM)
async def all_events(
    request: Request, key: Annotated[Key, platform(Scope.COPIES_READ)], last_event_id: LastSeen = None
) -> StreamingResponse:
    """Follow what happens to every account's copies."""

    async def allowed() -> bool:
        return await key_in(request) is not None

    del key
    return _following(request, None, last_event_id, allowed)


def _following(
    request: Request, account: AccountId | None, last_seen: str | None, allowed: Allowed
) -> StreamingResponse:
    live = house_of(request).live
    if last_seen is not None and not _ENTRY.fullmatch(last_seen):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "Last-Event-ID takes the `id` of an earlier event")
    if live.full(account):
        raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, "too many follow already; end another stream, or try later")
    seen = EntryId(last_seen) if last_seen else None
    return EventStream(spelled(live.watch(account, seen), allowed, doors_of(request).clock), media_type=_MEDIA)


class EventStream(StreamingResponse):
    """Lets go of whoever reads nothing of what is written for a while: the place is another's."""

    async def stream_response(self, send: Send) -> None:
        """Write while it is read."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(_READ_WITHIN_S):
                await send(message)

        async with aclosing(cast("AsyncGenerator[str, None]", self.body_iterator)):
            try:
                await super().stream_response(send_in_time)
            except TimeoutError:
                structlog.get_logger().warning("follower_reads_nothing", waited_s=_READ_WITHIN_S)


async def spelled(told: AsyncGenerator[Told, None], allowed: Allowed, clock: Clock) -> AsyncGenerator[str, None]:
    """Tell on while whoever follows may: looked at again now and then, since a connection outlives what opened it."""
    looked_at = clock.monotonic()
    async with aclosing(told):  # whoever leaves is not waited for
        async for each in told:
            if clock.monotonic() - looked_at > _LOOK_AGAIN_S:
                looked_at = clock.monotonic()
                if not await allowed():
                    return
            yield _event(each)


def _event(told: Told) -> str:
    if told.too_slow:
        return 'event: too_slow\ndata: {"detail":"come back with the last id you saw"}\n\n'
    if told.happening is None:
        return ": alive\n\n"
    data = json.dumps(told.happening.as_json(), separators=(",", ":"))
    return f"id: {told.entry}\nevent: {told.happening.kind.value}\ndata: {data}\n\n"

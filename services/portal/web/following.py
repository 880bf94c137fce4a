"""The API's live events: what happens to copies, as server-sent events."""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Request
from fastapi.responses import StreamingResponse

from services.portal.live import Told
from services.portal.partnering import Key, Scope
from services.portal.web.api import SAID, account_of
from services.portal.web.door import SignedIn, platform
from services.portal.web.house import house_of
from shared.domain.ids import AccountId, EntryId

own = APIRouter(prefix="/v1", tags=["account"], responses=SAID)
partners = APIRouter(prefix="/v1/partner", tags=["partner"], responses=SAID)

_ENTRY = re.compile(r"[0-9]{1,15}-[0-9]{1,10}")
_MEDIA = "text/event-stream"
_STREAM: dict[int | str, dict[str, Any]] = {HTTPStatus.OK: {"content": {_MEDIA: {"schema": {"type": "string"}}}}}
LastSeen = Annotated[str | None, Header(alias="Last-Event-ID", max_length=32)]


@own.get("/events", response_class=StreamingResponse, responses=_STREAM)
async def events(session: SignedIn, request: Request, last_event_id: LastSeen = None) -> StreamingResponse:
    """Follow what happens to the account's copies, from now on or after the id given; a sign of life every 15 s."""
    return _following(request, account_of(session), last_event_id)


@partners.get("/events", response_class=StreamingResponse, responses=_STREAM)
async def all_events(
    request: Request, key: Annotated[Key, platform(Scope.COPIES_READ)], last_event_id: LastSeen = None
) -> StreamingResponse:
    """Follow what happens to every account's copies."""
    del key
    return _following(request, None, last_event_id)


def _following(request: Request, account: AccountId | None, last_seen: str | None) -> StreamingResponse:
    live = house_of(request).live
    if last_seen is not None and not _ENTRY.fullmatch(last_seen):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "Last-Event-ID takes the `id` of an earlier event")
    if live.full:
        raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, "too many follow already; try again later")
    seen = EntryId(last_seen) if last_seen else None
    return StreamingResponse(_spelled(live.watch(account, seen)), media_type=_MEDIA)


async def _spelled(told: AsyncGenerator[Told, None]) -> AsyncIterator[str]:
    async with aclosing(told):  # whoever leaves is not waited for
        async for each in told:
            yield _event(each)


def _event(told: Told) -> str:
    if told.too_slow:
        return 'event: too_slow\ndata: {"detail":"come back with the last id you saw"}\n\n'
    if told.happening is None:
        return ": alive\n\n"
    data = json.dumps(told.happening.as_json(), separators=(",", ":"))
    return f"id: {told.entry}\nevent: {told.happening.kind.value}\ndata: {data}\n\n"

"""The pages: connect an account, come back from OKX, see what is copied, pause, resume, leave. No script runs here."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from services.portal.applicants import Browser
from services.portal.connecting import Left
from services.portal.journeys import Callback, Role, Trouble, Way
from services.portal.web import shapes
from services.portal.web.api import ACTIONS
from services.portal.web.door import Doors, doors_of, may_change
from services.portal.web.drawing import draw
from services.portal.web.house import house_of
from services.portal.web.previews import PreviewRow
from services.portal.web.troubles import EXPLAINED
from shared.domain.grants import GrantKind
from shared.domain.ids import AccountId
from shared.domain.preview import Preview
from shared.domain.subscriptions import Ending, SubscriptionState
from shared.domain.switches import Action, Scope
from shared.ports import CouldNotAsk

pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_SHOWN_COPIES = 20
_TRIED_DAYS = 30
_ROLES = (Role.FOLLOWER, Role.LEADER)
_KEY_PARTS = ("key", "secret", "passphrase")


@pages.get("/")
async def home(request: Request) -> Response:
    """Show the signed-in account, or how to connect one."""
    house, doors = house_of(request), doors_of(request)
    session = await doors.session(request)
    if session is not None and session.account is not None:
        member = await house.records.member(session.account)
        if member is not None:
            return HTMLResponse(draw("account.html", await _seen(request, session, session.account)))
    answer = HTMLResponse()
    session = session or await doors.open(answer)
    ways = ((Way.CODE, "Connect with OKX"), (Way.FAST_API, "Connect with OKX, and stay connected (Fast API)"))
    answer.body = draw("welcome.html", {"csrf": session.csrf, "sites": house.sites, "ways": ways}).encode()
    answer.headers["Content-Length"] = str(len(answer.body))
    return answer


@pages.post("/connect")
async def connect(request: Request) -> Response:
    """Send the browser to OKX's consent page."""
    house, form = house_of(request), await _form(request)
    session = await doors_of(request).session(request)
    if session is None or not may_change(session, form.get("csrf", "")):
        return _trouble(Trouble.STATE)
    role, way, site = form.get("role", Role.FOLLOWER), form.get("way", Way.CODE), form.get("site", "")
    if role not in _ROLES or way not in (Way.CODE, Way.PKCE, Way.FAST_API) or site not in house.sites:
        return _trouble(Trouble.SITE)
    return _go(await house.connecting.begin(session.token, Role(role), Way(way), site))


@pages.post("/connect-key")
async def connect_key(request: Request) -> Response:
    """Take a key its owner made, and sign in with it."""
    house, doors, form = house_of(request), doors_of(request), await _form(request)
    session = await doors.session(request)
    if session is None or not may_change(session, form.get("csrf", "")):
        return _trouble(Trouble.STATE)
    role, site = form.get("role", Role.FOLLOWER), form.get("site", "")
    if role not in _ROLES or site not in house.sites:
        return _trouble(Trouble.SITE)
    try:
        parts = {name: form.get(name, "").strip() for name in _KEY_PARTS}
        key = shapes.GivenKey.model_validate({"role": role, "site": site, **parts})
    except ValidationError:
        return _trouble(Trouble.KEY)
    came = await house.connecting.connect_key(key.role, key.site, key.opened())
    if isinstance(came, Trouble):
        return _trouble(came)
    return await _enter(doors, session, came.account)


@pages.get("/callback")
async def callback(request: Request) -> Response:
    """Take the browser back from OKX: connect and sign in, or say what is wrong."""
    house, doors, given = house_of(request), doors_of(request), request.query_params
    session = await doors.session(request)
    if session is None:
        return _trouble(Trouble.STATE)
    told = Callback(given.get("state", ""), given.get("code", ""), given.get("domain", ""), given.get("error", ""))
    came = await house.connecting.finish(session.token, told)
    if isinstance(came, Trouble):
        return _trouble(came)
    if isinstance(came, Left):
        return HTMLResponse(draw("left.html", {}))
    return await _enter(doors, session, came.account)


@pages.post("/subscribe")
async def subscribe(request: Request) -> Response:
    """Follow a leader, or change the ratio."""
    form, session = await _form(request), await _signed_in(request)
    if session is None or session.account is None or not may_change(session, form.get("csrf", "")):
        return _go("/")
    try:
        settings = {"ratio": Decimal(form.get("ratio", ""))}
    except InvalidOperation:
        return await _refused(request, session, "The ratio is a number such as 0.5.")
    if form.get("action") == "try":
        return await _tried(request, session, session.account, form.get("leader", ""), settings)
    return await _changed(request, session, form.get("leader", ""), settings)


async def _tried(
    request: Request, session: Browser, account: AccountId, leader: str, settings: Mapping[str, Any]
) -> Response:
    """Show what following would have meant."""
    house = house_of(request)
    try:
        seen = await house.previewing.look(account, AccountId(leader), settings, _TRIED_DAYS, Decimal(1))
    except CouldNotAsk:
        return await _refused(request, session, "OKX does not list its instruments now. Try again in a moment.")
    if not isinstance(seen, Preview):
        return await _refused(request, session, " ".join(f"{each.field}: {each.remedy}." for each in seen))
    tried = {"leader": leader, "days": _TRIED_DAYS, "ratio": settings["ratio"], "row": PreviewRow.of(seen)}
    page = draw("account.html", {**await _seen(request, session, account), "tried": tried})
    return HTMLResponse(page)


@pages.post("/subscription")
async def act(request: Request) -> Response:
    """Pause, only close, go on, or end."""
    form, session = await _form(request), await _signed_in(request)
    action, _, ending = form.get("action", "").partition("-and-")
    state = ACTIONS.get(action)
    if session is None or session.account is None or state is None or not may_change(session, form.get("csrf", "")):
        return _go("/")
    settings = {"state": state, "ending": Ending.CLOSE if ending == Ending.CLOSE else Ending.KEEP}
    return await _changed(request, session, form.get("leader", ""), settings)


@pages.post("/switch")
async def switch(request: Request) -> Response:
    """Let nothing open for the account, also close what it holds, or go on."""
    form, session = await _form(request), await _signed_in(request)
    action = next((each for each in Action if each == form.get("action")), None)
    if session is None or session.account is None or action is None or not may_change(session, form.get("csrf", "")):
        return _go("/")
    await house_of(request).switching.throw(session.account, Scope.OWN, session.account, action)
    return _go("/")


@pages.post("/leave")
async def leave(request: Request) -> Response:
    """Delete what we hold; a key we made is deleted at OKX with a fresh consent."""
    house, doors, form = house_of(request), doors_of(request), await _form(request)
    session = await _signed_in(request)
    if session is None or session.account is None or not may_change(session, form.get("csrf", "")):
        return _go("/")
    member = await house.records.member(session.account)
    kind = await house.leaving.leave(session.account)
    answer: Response = HTMLResponse(draw("left.html", {}))
    await doors.end(session, answer)
    if kind is GrantKind.FAST_API and member is not None:
        answer = _go("/")
        fresh = await doors.open(answer)
        answer.headers["Location"] = await house.connecting.begin(fresh.token, Role.GONE, Way.FAST_API, member.site)
    return answer


async def _enter(doors: Doors, session: Browser, account: AccountId) -> Response:
    """Sign in; a session that was there before is nobody's to keep."""
    answer = _go("/")
    await doors.end(session, answer)
    await doors.open(answer, account)
    return answer


async def _changed(request: Request, session: Browser, leader: str, settings: Mapping[str, Any]) -> Response:
    account = AccountId(str(session.account))
    changed = await house_of(request).change(account, AccountId(leader), settings)
    if changed.problems:
        return await _refused(request, session, " ".join(f"{each.field}: {each.remedy}." for each in changed.problems))
    return _go("/")


async def _refused(request: Request, session: Browser, why: str) -> Response:
    seen = await _seen(request, session, AccountId(str(session.account)))
    return HTMLResponse(draw("account.html", {**seen, "why": why}), HTTPStatus.CONFLICT)


async def _seen(request: Request, session: Browser, account: AccountId) -> dict[str, Any]:
    """Gather what the account's page shows."""
    records = house_of(request).records
    followed = [each for each in await records.subscriptions(account) if each.state is not SubscriptionState.ENDED]
    taken = {each.leader for each in followed}
    leaders = [each for each in await records.members() if each.leads and each.account != account]
    return {
        "csrf": session.csrf,
        "member": await records.member(account),
        "life": await records.life(account),
        "followed": followed,
        "leaders": [each for each in leaders if each.account not in taken],
        "findings": await records.findings(account),
        "positions": await records.positions(account),
        "copies": await records.copies(account, None, _SHOWN_COPIES, None),
        "switches": await house_of(request).switching.of_account(account),
        "tried": None,
        "why": "",
    }


async def _signed_in(request: Request) -> Browser | None:
    session = await doors_of(request).session(request)
    return session if session and session.account else None


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), max_num_fields=20))


def _go(where: str) -> Response:
    return RedirectResponse(where, HTTPStatus.SEE_OTHER)


def _trouble(trouble: Trouble) -> Response:
    page = draw("trouble.html", {"explained": EXPLAINED[trouble]})
    return HTMLResponse(page, HTTPStatus.BAD_REQUEST)

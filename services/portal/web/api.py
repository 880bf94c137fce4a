"""The API, version 1: what the signed-in account may read and change of itself, and what operators may."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse

from services.portal.applicants import Browser
from services.portal.connecting import Connected
from services.portal.journeys import Role, Trouble, Way
from services.portal.web import ledger, shapes
from services.portal.web.door import AnOperator, SignedIn, doors_of
from services.portal.web.exporting import MEDIA, Form, export
from services.portal.web.house import house_of
from services.portal.web.troubles import EXPLAINED
from shared.domain.grants import GrantKind, GrantLife, GrantStatus, consent_ends_ms
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Ending, Problem, SubscriptionState

SAID: dict[int | str, dict[str, Any]] = {
    HTTPStatus.BAD_REQUEST: {"model": shapes.Failure},
    HTTPStatus.UNAUTHORIZED: {"model": shapes.Failure},
    HTTPStatus.FORBIDDEN: {"model": shapes.Failure},
    HTTPStatus.TOO_MANY_REQUESTS: {"description": "Too many requests from this address."},
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: {"description": "The body is too large."},
    HTTPStatus.SERVICE_UNAVAILABLE: {"model": shapes.Failure},
}
ABSENT: dict[int | str, dict[str, Any]] = {HTTPStatus.NOT_FOUND: {"model": shapes.Failure}}

public = APIRouter(prefix="/v1", tags=["connect"], responses=SAID)
own = APIRouter(prefix="/v1", tags=["account"], responses=SAID)
operators = APIRouter(prefix="/v1/operators", tags=["operators"], dependencies=[AnOperator], responses=SAID)

_LONGEST_MOMENT = 14

ACTIONS = {
    "pause": SubscriptionState.PAUSED,
    "close-only": SubscriptionState.CLOSE_ONLY,
    "resume": SubscriptionState.ACTIVE,
    "end": SubscriptionState.ENDED,
}


class NotTaken(Exception):
    """A change is refused as a whole; says what is wrong with which field."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = list(problems)


@public.post("/connect")
async def connect(begin: shapes.Begin, request: Request, response: Response) -> shapes.Away:
    """Begin to connect an account: send its owner's browser, with the cookie of this answer, to `authorize_url`."""
    house, doors = house_of(request), doors_of(request)
    if begin.way is Way.API_KEY or begin.role is Role.GONE or begin.site not in house.sites:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, f"choose code, pkce or fast_api, on one of {', '.join(house.sites)}"
        )
    session = await doors.session(request) or await doors.open(response)
    return shapes.Away(authorize_url=await house.connecting.begin(session.token, begin.role, begin.way, begin.site))


@public.post("/connect/api-key")
async def connect_key(given: shapes.GivenKey, request: Request, response: Response) -> shapes.Connection:
    """Connect an account by a key its owner made, and sign in with it."""
    house = house_of(request)
    if given.role is Role.GONE or given.site not in house.sites:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"choose one of the sites {', '.join(house.sites)}")
    connected = await house.connecting.connect_key(given.role, given.site, given.opened())
    if isinstance(connected, Trouble):
        raise HTTPException(HTTPStatus.BAD_REQUEST, EXPLAINED[connected].text)
    await doors_of(request).open(response, connected.account)
    return connection_of(connected)


@own.get("/me")
async def me(session: SignedIn, request: Request) -> shapes.Me:
    """Show the signed-in account, its grant, and the token its changes carry."""
    records, account = house_of(request).records, account_of(session)
    member = await records.member(account)
    if member is None:
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "connect your OKX account")
    life = await records.life(account)
    checks = [shapes.Finding.model_validate(each) for each in await records.findings(account)]
    return shapes.me_of(member, grant_of(life, house_of(request).refresh_life_ms), checks, session.csrf)


@own.post("/disconnect")
async def disconnect(session: SignedIn, request: Request, response: Response) -> shapes.Away:
    """Delete what we hold of the account, and sign out. A key we made is deleted at OKX with the consent linked to."""
    house, account = house_of(request), account_of(session)
    member = await house.records.member(account)
    kind = await house.leaving.leave(account)
    await doors_of(request).end(session, response)
    if kind is not GrantKind.FAST_API or member is None:
        return shapes.Away(authorize_url="")
    fresh = await doors_of(request).open(response)
    return shapes.Away(authorize_url=await house.connecting.begin(fresh.token, Role.GONE, Way.FAST_API, member.site))


@own.get("/leaders")
async def leaders(_session: SignedIn, request: Request) -> list[shapes.LeaderRow]:
    """List the accounts that can be followed."""
    members = await house_of(request).records.members()
    return [shapes.LeaderRow(account=each.account, label=each.label) for each in members if each.leads]


@own.get("/subscriptions")
async def subscriptions(session: SignedIn, request: Request) -> list[shapes.SubscriptionRow]:
    """List what the account follows, ended ones too."""
    found = await house_of(request).records.subscriptions(account_of(session))
    return [shapes.SubscriptionRow.of(each) for each in found]


@own.put("/subscriptions/{leader}", responses={HTTPStatus.CONFLICT: {"model": shapes.Refusal}})
async def subscribe(
    leader: shapes.Name, settings: shapes.Settings, session: SignedIn, request: Request
) -> shapes.SubscriptionRow:
    """Follow a leader, or change how: a new version, in force from the leader's next event on."""
    return await change(request, account_of(session), leader, settings.given())


@own.post("/subscriptions/{leader}/{action}", responses={**ABSENT, HTTPStatus.CONFLICT: {"model": shapes.Refusal}})
async def act(
    leader: shapes.Name, action: shapes.Name, session: SignedIn, request: Request, positions: Ending = Ending.KEEP
) -> shapes.SubscriptionRow:
    """Pause (`pause`), only close (`close-only`), go on (`resume`) or end (`end`) a subscription.

    Ended with `positions=close`, what is held because of it is closed at once; with `keep` it closes with its leader.
    """
    return await act_on(request, account_of(session), leader, action, positions)


@own.get("/copies")
async def copies(
    session: SignedIn,
    request: Request,
    before: str | None = None,
    outcome: shapes.Name | None = None,
    most: Annotated[int, Query(ge=1, le=500)] = 50,
) -> ledger.CopyPage:
    """List copies and skips of the account, newest first, with reasons and hop times."""
    return await page_of(request, account_of(session), before, most, outcome)


@own.get("/positions")
async def positions(session: SignedIn, request: Request) -> list[ledger.PositionRow]:
    """List what the account holds because of its leaders, and whether we still look after it."""
    records, account = house_of(request).records, account_of(session)
    life = await records.life(account)
    managed = life is not None and life.status is GrantStatus.LIVE
    return [ledger.PositionRow.of(each, managed=managed) for each in await records.positions(account)]


@own.get(
    "/copies/export",
    response_class=StreamingResponse,
    responses={HTTPStatus.OK: {"content": {media: {"schema": {"type": "string"}} for media in MEDIA.values()}}},
)
async def export_copies(session: SignedIn, request: Request, form: Form = Form.CSV) -> StreamingResponse:
    """Give every copy and skip of the account as a file, newest first."""
    pieces = export(house_of(request).records, account_of(session), form)
    named = {"Content-Disposition": f'attachment; filename="copies.{form.value}"'}
    return StreamingResponse(pieces, media_type=MEDIA[form], headers=named)


@operators.get("/accounts")
async def accounts(
    request: Request, ends_within_h: Annotated[int | None, Query(ge=0, le=10_000)] = None
) -> list[shapes.AccountRow]:
    """List every account with its grant, or those alone whose consent ends so soon unless it is renewed."""
    house = house_of(request)
    records, lives = house.records, await house.records.lives()
    unfit, proofs = await records.unfit(), await records.proofs()
    rows = [
        shapes.AccountRow(
            account=each.account,
            site=each.site,
            uid=each.uid,
            leads=each.leads,
            applied=each.applied,
            position_mode=each.position_mode,
            grant=grant_of(lives.get(each.account), house.refresh_life_ms),
            checks=[shapes.Finding.model_validate(found) for found in unfit.get(each.account, ())],
            fenced=proofs.get(each.account, (False, None))[0],
            tagged=proofs.get(each.account, (False, None))[1],
        )
        for each in await records.members()
    ]
    if ends_within_h is None:
        return rows
    until_ms = doors_of(request).clock.now_ms() + ends_within_h * 3_600_000
    return [row for row in rows if row.grant and row.grant.consent_ends_ms and row.grant.consent_ends_ms <= until_ms]


@operators.put("/accounts/{account}/leads", responses=ABSENT)
async def let_lead(account: shapes.Name, leads: shapes.Leads, request: Request) -> shapes.Leads:
    """Approve an account as a leader, or stop it from being one, with a kill switch that no approval lifts."""
    house, leader = house_of(request), AccountId(account)
    member = await house.records.member(leader)
    if member is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "there is no account of that name")
    if leads.leads:
        await house.records.let_lead(leader, True)
    elif member.leads:
        await house.leaving.stop_leading("operator", leader, leads.positions)
    return leads


@operators.get("/audit")
async def audit(
    request: Request,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    most: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[shapes.DeedRow]:
    """List what was done here, newest first: connecting, leaving, subscribing, approving."""
    return [shapes.DeedRow.model_validate(each) for each in await house_of(request).records.deeds(most, before)]


async def page_of(
    request: Request, account: AccountId, before: str | None, most: int, outcome: str | None
) -> ledger.CopyPage:
    """Return a page of an account's copies."""
    rows = await house_of(request).records.copies(account, place_of(before), most, outcome)
    further = f"{rows[-1]['at']}-{rows[-1]['cl_ord_id']}" if len(rows) == most else None
    return ledger.CopyPage(copies=[ledger.CopyRow.of(each) for each in rows], next=further)


async def act_on(
    request: Request, account: AccountId, leader: str, action: str, positions: Ending, actor: str = ""
) -> shapes.SubscriptionRow:
    """Pause, only close, go on with or end a subscription. Raises NotTaken; 404 where there is none."""
    state = ACTIONS.get(action)
    followed = {each.leader for each in await house_of(request).records.subscriptions(account)}
    if state is None or leader not in followed:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"choose {', '.join(ACTIONS)} for a leader that is followed")
    return await change(request, account, leader, {"state": state, "ending": positions}, actor)


async def change(
    request: Request, account: AccountId, leader: str, settings: dict[str, Any], actor: str = ""
) -> shapes.SubscriptionRow:
    """Change a subscription. Raises NotTaken."""
    changed = await house_of(request).change(account, AccountId(leader), settings, actor)
    if changed.problems or changed.subscription is None:
        raise NotTaken(changed.problems)
    return shapes.SubscriptionRow.of(changed.subscription)


def connection_of(connected: Connected) -> shapes.Connection:
    """Spell a connected account."""
    return shapes.Connection(account=connected.account, checks=[shapes.Finding.of(each) for each in connected.checks])


def grant_of(life: GrantLife | None, refresh_life_ms: int) -> shapes.Grant | None:
    """Spell a grant, without its secrets."""
    if life is None:
        return None
    return shapes.Grant(
        kind=life.kind.value,
        status=life.status.value,
        expires_ms=life.expires_ms,
        consent_ends_ms=consent_ends_ms(life, refresh_life_ms),
    )


def account_of(session: Browser) -> AccountId:
    """Return who signed in with a session.

    Raises:
        HTTPException: 401 nobody did.
    """
    if session.account is None:
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "sign in by connecting your OKX account")
    return session.account


def place_of(cursor: str | None) -> tuple[int, str] | None:
    """Read where an earlier page ended.

    Raises:
        HTTPException: 400 it is no such place.
    """
    if cursor is None:
        return None
    at, _, name = cursor.partition("-")
    if not (at.isdecimal() and at.isascii() and len(at) <= _LONGEST_MOMENT and name.replace("_", "").isalnum()):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "before takes the `next` of an earlier page")
    return int(at), name

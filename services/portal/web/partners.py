"""The API of partners' platforms: by key and scope; and the operators' routes that make and end keys."""

from http import HTTPStatus
from typing import Annotated, Any, Self

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, Field

from services.portal.hooks.happenings import Kind
from services.portal.hooks.targets import Unsafe
from services.portal.partnering import Hook, Key, Scope
from services.portal.web import ledger, shapes
from services.portal.web.api import ABSENT, SAID, act_on, change, grant_of, page_of, place_of
from services.portal.web.door import AnOperator, platform
from services.portal.web.house import house_of
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Ending

partners = APIRouter(prefix="/v1/partner", tags=["partner"], responses=SAID)
operators = APIRouter(prefix="/v1/operators", tags=["operators"], dependencies=[AnOperator], responses=SAID)

_REFUSED: dict[int | str, dict[str, Any]] = {**ABSENT, HTTPStatus.CONFLICT: {"model": shapes.Refusal}}
Reader = Annotated[Key, platform(Scope.ACCOUNTS_READ)]
Copies = Annotated[Key, platform(Scope.COPIES_READ)]
Subscriber = Annotated[Key, platform(Scope.SUBSCRIPTIONS_WRITE)]
Hooker = Annotated[Key, platform(Scope.WEBHOOKS_WRITE)]


class WantedKey(shapes.Taken):
    """A key to be made."""

    label: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
    scopes: Annotated[set[Scope], Field(min_length=1)]


class KeyRow(BaseModel):
    """A platform's key, without its text."""

    id: str
    label: str
    scopes: list[str]
    made_ms: int
    revoked_ms: int | None

    @classmethod
    def of(cls, key: Key) -> Self:
        """Spell a key."""
        scopes = sorted(key.scopes)
        return cls(id=key.id, label=key.label, scopes=scopes, made_ms=key.made_ms, revoked_ms=key.revoked_ms)


class MadeKey(KeyRow):
    """A new key, and its text, told this once."""

    key: str


class PartnerAccount(BaseModel):
    """An account as platforms see it."""

    account: str
    site: str
    uid: str
    leads: bool
    grant: shapes.Grant | None


class WantedHook(shapes.Taken):
    """A webhook to be made."""

    url: Annotated[str, Field(min_length=9, max_length=2_048, pattern=r"^[\x21-\x7e]+$")]
    kinds: Annotated[set[Kind], Field(min_length=1)]


class HookRow(BaseModel):
    """A webhook, without its secret."""

    id: str
    url: str
    kinds: list[str]
    made_ms: int

    @classmethod
    def of(cls, hook: Hook) -> Self:
        """Spell a webhook."""
        return cls(id=hook.id, url=hook.url, kinds=list(hook.kinds), made_ms=hook.made_ms)


class MadeHook(HookRow):
    """A new webhook, and its signing secret, told this once."""

    secret: str


class DeliveryRow(BaseModel):
    """A message to a webhook; times in Unix milliseconds."""

    id: str
    event: str
    kind: str
    account: str
    state: str
    tries: int
    due: int
    status: int | None
    error: str | None
    created: int
    finished: int | None


class DeliveryPage(BaseModel):
    """Messages, newest first; `next` is the cursor of the page after."""

    deliveries: list[DeliveryRow]
    next: str | None


class Replay(shapes.Taken):
    """What to send again: everything since a moment, or what was given up."""

    since_ms: Annotated[int, Field(ge=0, le=10**14)] | None = None


class Replayed(BaseModel):
    """How many messages are sent again."""

    messages: int


@operators.post("/keys")
async def make_key(wanted: WantedKey, request: Request) -> MadeKey:
    """Make a key for a partner's platform; its text is told in this answer and never again."""
    key, text = await house_of(request).partnering.make_key(wanted.label, wanted.scopes)
    return MadeKey(**KeyRow.of(key).model_dump(), key=text.reveal())


@operators.get("/keys")
async def keys(request: Request) -> list[KeyRow]:
    """List every key there ever was."""
    return [KeyRow.of(each) for each in await house_of(request).partnering.keys()]


@operators.delete("/keys/{key}", status_code=HTTPStatus.NO_CONTENT, responses=ABSENT)
async def revoke(key: shapes.Name, request: Request) -> None:
    """End a key, at once and for good. Its webhooks stay until they are deleted."""
    if not await house_of(request).partnering.revoke(key):
        raise HTTPException(HTTPStatus.NOT_FOUND, "there is no key of that name that works")


@partners.get("/accounts")
async def accounts(key: Reader, request: Request) -> list[PartnerAccount]:
    """List every account with its grant."""
    del key
    house = house_of(request)
    lives = await house.records.lives()
    return [
        PartnerAccount(
            account=each.account,
            site=each.site,
            uid=each.uid,
            leads=each.leads,
            grant=grant_of(lives.get(each.account), house.refresh_life_ms),
        )
        for each in await house.records.members()
    ]


@partners.get("/accounts/{account}/subscriptions")
async def subscriptions(account: shapes.Name, key: Reader, request: Request) -> list[shapes.SubscriptionRow]:
    """List what an account follows, ended ones too."""
    del key
    found = await house_of(request).records.subscriptions(AccountId(account))
    return [shapes.SubscriptionRow.of(each) for each in found]


@partners.put("/accounts/{account}/subscriptions/{leader}", responses=_REFUSED)
async def subscribe(
    account: shapes.Name, leader: shapes.Name, settings: shapes.Settings, key: Subscriber, request: Request
) -> shapes.SubscriptionRow:
    """Let an account follow a leader, or change how."""
    return await change(request, AccountId(account), leader, settings.given(), key.id)


@partners.post("/accounts/{account}/subscriptions/{leader}/{action}", responses=_REFUSED)
async def act(
    account: shapes.Name,
    leader: shapes.Name,
    action: shapes.Name,
    key: Subscriber,
    request: Request,
    positions: Ending = Ending.KEEP,
) -> shapes.SubscriptionRow:
    """Pause (`pause`), only close (`close-only`), go on (`resume`) or end (`end`) a subscription."""
    return await act_on(request, AccountId(account), leader, action, positions, key.id)


@partners.get("/accounts/{account}/copies")
async def copies(
    account: shapes.Name,
    key: Copies,
    request: Request,
    before: str | None = None,
    outcome: shapes.Name | None = None,
    most: Annotated[int, Query(ge=1, le=500)] = 50,
) -> ledger.CopyPage:
    """List copies and skips of an account, newest first."""
    del key
    return await page_of(request, AccountId(account), before, most, outcome)


@partners.post("/webhooks")
async def make_hook(wanted: WantedHook, key: Hooker, request: Request) -> MadeHook:
    """Make a webhook; its signing secret is told in this answer and never again."""
    try:
        hook, secret = await house_of(request).partnering.make_hook(key.id, wanted.url, wanted.kinds)
    except Unsafe as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"url: {error}") from error
    return MadeHook(**HookRow.of(hook).model_dump(), secret=secret.reveal())


@partners.get("/webhooks")
async def hooks(key: Hooker, request: Request) -> list[HookRow]:
    """List the webhooks."""
    del key
    return [HookRow.of(each) for each in await house_of(request).partnering.hooks()]


@partners.delete("/webhooks/{hook}", status_code=HTTPStatus.NO_CONTENT, responses=ABSENT)
async def drop_hook(hook: shapes.Name, key: Hooker, request: Request) -> None:
    """Delete a webhook, and what waits for it."""
    if not await house_of(request).partnering.drop_hook(key.id, hook):
        raise HTTPException(HTTPStatus.NOT_FOUND, "there is no webhook of that name")


@partners.get("/webhooks/{hook}/deliveries", responses=ABSENT)
async def deliveries(
    hook: shapes.Name,
    key: Hooker,
    request: Request,
    before: str | None = None,
    state: shapes.Name | None = None,
    most: Annotated[int, Query(ge=1, le=500)] = 50,
) -> DeliveryPage:
    """List messages to a webhook, newest first: `waiting`, `delivered` or `failed`."""
    del key
    await _known(request, hook)
    found = await house_of(request).partnering.deliveries(hook, most, place_of(before), state)
    rows = [DeliveryRow.model_validate(each) for each in found]
    return DeliveryPage(deliveries=rows, next=f"{rows[-1].created}-{rows[-1].id}" if len(rows) == most else None)


@partners.post("/webhooks/{hook}/replay", responses=ABSENT)
async def replay(hook: shapes.Name, wanted: Replay, key: Hooker, request: Request) -> Replayed:
    """Send again what was given up, or everything since a moment."""
    await _known(request, hook)
    return Replayed(messages=await house_of(request).partnering.replay(key.id, hook, wanted.since_ms))


async def _known(request: Request, hook: str) -> None:
    if await house_of(request).partnering.hook(hook) is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "there is no webhook of that name")

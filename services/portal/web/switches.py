"""The API's kill switches: operators throw those of anybody or anything, owners their own."""

from enum import StrEnum
from http import HTTPStatus
from typing import Self

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel

from services.portal.switching import Standing
from services.portal.web import shapes
from services.portal.web.api import ABSENT, SAID, account_of
from services.portal.web.door import AnOperator, SignedIn
from services.portal.web.house import house_of
from shared.domain.switches import Action, Scope

own = APIRouter(prefix="/v1", tags=["account"], responses=SAID)
operators = APIRouter(prefix="/v1/operators", tags=["operators"], dependencies=[AnOperator], responses=SAID)

EVERYBODY = "all"
"""How the platform is named in a path."""


class Wide(StrEnum):
    """Whom an operator's switch concerns."""

    PLATFORM = "platform"
    LEADER = "leader"
    FOLLOWER = "follower"
    INSTRUMENT = "instrument"


class Effect(StrEnum):
    """What a thrown switch does."""

    STOP_OPENS = "stop_opens"
    FLATTEN = "flatten"


class Throw(shapes.Taken):
    """What to do: let nothing open, or also close what followers hold because of us."""

    action: Effect


class SwitchRow(BaseModel):
    """A switch in force; times in Unix milliseconds."""

    scope: Scope
    name: str
    action: Action
    made_ms: int
    following: dict[str, int]
    """Since when each worker follows it."""
    awaited: list[str]
    """Workers that run and have not said that they follow it."""

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """Spell a switch."""
        switch = standing.switch
        return cls(
            scope=switch.scope,
            name=switch.name,
            action=switch.action,
            made_ms=switch.made_ms,
            following=dict(standing.following),
            awaited=list(standing.awaited),
        )


@operators.get("/switches")
async def switches(request: Request) -> list[SwitchRow]:
    """List the switches in force, and which workers follow each."""
    return [SwitchRow.of(each) for each in await house_of(request).switching.standing()]


@operators.put("/switches/{scope}/{name}", responses=ABSENT)
async def throw(scope: Wide, name: shapes.Name, wanted: Throw, request: Request) -> SwitchRow:
    """Throw a switch: `all` of the platform, or one leader, follower or instrument."""
    place = Scope(scope), _named(scope, name)
    await _check(request, *place)
    return await _thrown(request, "operator", *place, Action(wanted.action))


@operators.delete("/switches/{scope}/{name}", responses=ABSENT)
async def lift(scope: Wide, name: shapes.Name, request: Request) -> SwitchRow:
    """Lift a switch in force: openings go again from the leader's next trade on."""
    return await _lifted(request, "operator", Scope(scope), _named(scope, name))


@own.get("/switch")
async def own_switch(session: SignedIn, request: Request) -> list[SwitchRow]:
    """List the switches in force that concern the whole account: its owner's, and operators'."""
    switching = house_of(request).switching
    found = await switching.of_account(account_of(session))
    return [SwitchRow.of(await switching.followed(each)) for each in found]


@own.put("/switch")
async def throw_own(session: SignedIn, wanted: Throw, request: Request) -> SwitchRow:
    """Let nothing open for the account any more, or also close what it holds because of us."""
    account = account_of(session)
    return await _thrown(request, account, Scope.OWN, account, Action(wanted.action))


@own.delete("/switch", responses=ABSENT)
async def lift_own(session: SignedIn, request: Request) -> SwitchRow:
    """Lift the account's own switch; operators' stay in force."""
    account = account_of(session)
    return await _lifted(request, account, Scope.OWN, account)


async def _check(request: Request, scope: Scope, name: str) -> None:
    problem = await house_of(request).switching.problem(scope, name)
    if problem:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"{problem.field} {problem.value!r}: {problem.remedy}")


def _named(scope: Wide, name: str) -> str:
    """Take `all` of the platform for nobody in particular."""
    return "" if (scope, name) == (Wide.PLATFORM, EVERYBODY) else name


async def _thrown(request: Request, actor: str, scope: Scope, name: str, action: Action) -> SwitchRow:
    switching = house_of(request).switching
    return SwitchRow.of(await switching.followed(await switching.throw(actor, scope, name, action)))


async def _lifted(request: Request, actor: str, scope: Scope, name: str) -> SwitchRow:
    in_force = await house_of(request).switching.in_force()
    if not any((each.scope, each.name) == (scope, name) for each in in_force):
        raise HTTPException(HTTPStatus.NOT_FOUND, "no such switch is in force")
    return await _thrown(request, actor, scope, name, Action.LIFT)

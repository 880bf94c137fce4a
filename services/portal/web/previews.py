"""The API's preview: what following a leader would have meant."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, Field

from services.portal.web import shapes
from services.portal.web.api import ABSENT, SAID, NotTaken, account_of
from services.portal.web.door import SignedIn
from services.portal.web.house import house_of
from shared.domain.ids import AccountId
from shared.domain.preview import Preview
from shared.domain.quantities import plain
from shared.domain.reasons import REMEDIES, Reason
from shared.ports import CouldNotAsk

own = APIRouter(prefix="/v1", tags=["account"], responses=SAID)


class Wanted(shapes.Settings):
    """The settings to try, how far back, and the leverage a balance is worked out for."""

    days: Annotated[int, Field(ge=1, le=90)] = 30
    leverage: Annotated[Decimal, Field(ge=1, le=125, decimal_places=2)] = Decimal(1)


class Counted(BaseModel):
    """How often something would have happened, and what to do about it."""

    reason: Reason
    times: int
    remedy: str


class PreviewRow(BaseModel):
    """What following would have meant; amounts in quote currency, orders filled whole at the leader's price."""

    events: int
    copies: int
    skips: list[Counted]
    trims: list[Counted]
    smallest_ratio: str | None
    """The smallest ratio at which 99 of 100 of the leader's openings reach the venue's minimum."""
    largest_exposure: str
    """The most held at once, all instruments together."""
    smallest_balance: str
    """What would be held after 99 of 100 opening orders fits into so much at the leverage asked about."""

    @classmethod
    def of(cls, seen: Preview) -> Self:
        """Spell a preview."""
        return cls(
            events=seen.events,
            copies=seen.copies,
            skips=counted(seen.skips),
            trims=counted(seen.trims),
            smallest_ratio=None if seen.smallest_ratio is None else plain(seen.smallest_ratio),
            largest_exposure=rounded(seen.largest_exposure),
            smallest_balance=rounded(seen.smallest_balance),
        )


def counted(reasons: Mapping[Reason, int]) -> list[Counted]:
    """Spell counts, the most frequent first."""
    often: Sequence[tuple[Reason, int]] = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0].value))
    return [Counted(reason=reason, times=times, remedy=REMEDIES[reason]) for reason, times in often]


def rounded(amount: Decimal) -> str:
    """Spell an amount of money to the cent."""
    return plain(amount.quantize(Decimal("0.01")))


@own.post("/leaders/{leader}/preview", responses={**ABSENT, HTTPStatus.CONFLICT: {"model": shapes.Refusal}})
async def preview(leader: shapes.Name, wanted: Wanted, session: SignedIn, request: Request) -> PreviewRow:
    """Try a leader: what the settings would have made of its last days. Nothing is subscribed or stored."""
    house, account, followed = house_of(request), account_of(session), AccountId(leader)
    member = await house.records.member(followed)
    if member is None or not member.leads:
        raise HTTPException(HTTPStatus.NOT_FOUND, "there is no leader of that name")
    settings = {name: value for name, value in wanted.given().items() if name not in ("days", "leverage")}
    try:
        seen = await house.previewing.look(account, followed, settings, wanted.days, wanted.leverage)
    except CouldNotAsk as error:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "OKX does not list its instruments now") from error
    if isinstance(seen, Preview):
        return PreviewRow.of(seen)
    raise NotTaken(seen)

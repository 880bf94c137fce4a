"""A new consent: no order leaves with the new grant under what was proven with the old one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

import pytest

from services.follower_worker.roster import Roster
from shared.domain.ids import AccountId
from shared.domain.orders import Attempt
from shared.domain.outcomes import Accepted, NotPlaced, Placement, Postponement
from shared.domain.risk import Account
from shared.messages.notices import GrantChange, GrantNotice
from tests.support.builders import BTC, instrument
from tests.support.bus import SetVenueClock
from tests.support.paper_exchange import ListedInstruments

ANNA = AccountId("anna")


@dataclass
class Book:
    """What is written down, and what the roster said of the fence while grants were opened."""

    fenced: bool = True
    seen: list[bool] = field(default_factory=list)
    roster: Roster | None = None

    async def accounts(self, wanted: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        return {each: Account(fenced=self.fenced) for each in wanted}

    async def open_grants(self, wanted: Sequence[AccountId]) -> None:
        assert self.roster is not None
        self.seen += [self.roster.account(each).fenced for each in wanted]

    async def mark_fenced(self, account: AccountId) -> None:
        assert account == ANNA
        self.fenced = True


@dataclass
class Exchange:
    """Answers the proof."""

    answer: Placement

    async def place(self, attempt: Attempt, expires_ms: int, leave_before: float = inf) -> Placement:
        del attempt, expires_ms, leave_before
        return self.answer


async def consented(answer: Placement) -> tuple[Book, Roster]:
    book = Book()
    exchange: object = Exchange(answer)
    roster = Roster(book, exchange, ListedInstruments(instrument()), SetVenueClock(), BTC)  # type: ignore[arg-type]  # only its placing is used
    book.roster = roster
    await roster.ensure([ANNA])
    assert roster.account(ANNA).fenced
    book.fenced = False  # a new grant was put in the old one's place
    await roster.heard(GrantNotice(ANNA, 2, GrantChange.CONSENTED))
    return book, roster


@pytest.mark.parametrize(
    ("answer", "proven"), [(NotPlaced(Postponement.EXPIRED, "50036"), True), (Accepted("1", 0), False)]
)
async def test_after_a_new_consent_the_fence_is_unproven_until_it_is_proven_anew(
    answer: Placement, proven: bool
) -> None:
    book, roster = await consented(answer)
    assert book.seen[-1] is False  # when the new grant was opened
    assert roster.account(ANNA).fenced is proven
    assert book.fenced is proven


async def test_a_renewed_pair_keeps_what_was_proven() -> None:
    book, roster = await consented(NotPlaced(Postponement.EXPIRED, "50036"))
    await roster.heard(GrantNotice(ANNA, 3, GrantChange.REFRESHED))
    assert book.seen[-1] is True
    assert roster.account(ANNA).fenced

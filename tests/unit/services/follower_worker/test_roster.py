"""A new consent: no order leaves with the new grant under what was proven with the old one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from math import inf

import pytest

from services.follower_worker.roster import Roster
from shared.domain.ids import AccountId
from shared.domain.orders import Attempt
from shared.domain.outcomes import Accepted, Category, NotPlaced, Placement, Postponement, Refused, Unknown
from shared.domain.risk import Account
from shared.messages.notices import GrantChange, GrantNotice
from tests.support.builders import BTC, NOON_MS, instrument
from tests.support.bus import SetVenueClock
from tests.support.clock import FakeClock
from tests.support.surroundings import ListedInstruments
from tests.support.waiting import until

ANNA, TAG = AccountId("anna"), "paper"
EXPIRED, TOO_SMALL = (
    NotPlaced(Postponement.EXPIRED, "50036"),
    Refused("51020", "", Category.PARAMETER, "too small", TAG),
)


@dataclass
class Book:
    """What is written down, and what the roster said of the fence while grants were opened."""

    fenced: bool = True
    net_mode: bool = True
    tagged: bool | None = None
    seen: list[bool] = field(default_factory=list)
    roster: Roster | None = None
    away: int = 0
    """How many more times the database gives no answer."""
    opened: int = 1
    """Which version of the grant is open."""
    moves_on: int = 0
    """How many more proofs find another version stored than is open."""

    async def accounts(self, wanted: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        if self.away:
            self.away -= 1
            raise ConnectionError("away")
        return {each: Account(fenced=self.fenced, net_mode=self.net_mode) for each in wanted}

    async def open_grants(self, wanted: Sequence[AccountId]) -> None:
        assert self.roster is not None
        self.seen += [self.roster.account(each).fenced for each in wanted]

    def version(self, account: AccountId) -> int:
        assert account == ANNA
        return self.opened

    async def mark_fenced(self, account: AccountId, version: int) -> bool:
        assert (account, version) == (ANNA, self.opened)
        if self.moves_on:
            return self._moves_on()
        self.fenced = True
        return True

    async def mark_tagged(self, account: AccountId, version: int, *, tagged: bool) -> bool:
        assert (account, version) == (ANNA, self.opened)
        if self.moves_on:
            return self._moves_on()
        self.tagged = tagged
        return True

    def _moves_on(self) -> bool:
        self.moves_on -= 1
        return False


@dataclass
class Exchange:
    """Answers the proofs: of the fence by an expired order, of the tag by one that is not."""

    answer: Placement
    live: Placement = TOO_SMALL
    sizes: list[Decimal] = field(default_factory=list)
    before_live: Callable[[], None] = lambda: None
    """Called before the order that has not expired is answered."""

    async def place(self, attempt: Attempt, expires_ms: int, leave_before: float = inf) -> Placement:
        del leave_before
        self.sizes.append(attempt.intent.size)
        if expires_ms < NOON_MS:
            return self.answer
        self.before_live()
        return self.live


@dataclass
class Renewing(Exchange):
    """Answers the first proof while another version of the grant is opened."""

    book: Book = field(default_factory=Book)

    async def place(self, attempt: Attempt, expires_ms: int, leave_before: float = inf) -> Placement:
        if not self.sizes:
            self.book.opened += 1
        return await super().place(attempt, expires_ms, leave_before)


async def begun(book: Book, exchange: Exchange) -> Roster:
    """Have a roster take Anna in."""
    venue: object = exchange
    book.roster = Roster(book, venue, ListedInstruments(instrument()), SetVenueClock(), BTC, TAG)  # type: ignore[arg-type]  # only its placing is used
    await book.roster.ensure([ANNA])
    return book.roster


@asynccontextmanager
async def proving(roster: Roster) -> AsyncIterator[FakeClock]:
    """Let a roster make its proofs again; yields the clock it goes by."""
    clock = FakeClock()
    task = asyncio.ensure_future(roster.prove_for_ever(clock))
    yield clock
    task.cancel()


async def consented(answer: Placement, live: Placement = TOO_SMALL) -> tuple[Book, Roster]:
    book = Book()
    roster = await begun(book, Exchange(answer, live))
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


@pytest.mark.parametrize(
    ("live", "tagged"),
    [
        (TOO_SMALL, True),
        (Refused("51020", "", Category.PARAMETER, "too small", "theirs"), False),
        (Refused("51020", "", Category.PARAMETER, "too small"), False),
        (Refused("51008", "", Category.FUNDS, "no funds", TAG), None),
        (Unknown("time-out"), None),
    ],
)
async def test_the_tag_is_proven_where_the_venue_repeats_it(live: Placement, tagged: bool | None) -> None:
    book, _ = await consented(EXPIRED, live)
    assert book.tagged is tagged


async def test_both_proofs_are_too_small_to_fill() -> None:
    exchange = Exchange(EXPIRED)
    await begun(Book(fenced=False), exchange)
    assert exchange.sizes == [instrument().minimum / 10] * 2


async def test_another_position_mode_is_known_at_once_and_leaves_the_fence_proven() -> None:
    book, roster = await consented(EXPIRED)
    book.net_mode = False
    await roster.heard(GrantNotice(ANNA, 2, GrantChange.ACCOUNT))
    assert (roster.account(ANNA).net_mode, roster.account(ANNA).fenced) == (False, True)


@pytest.mark.parametrize(
    "silence", [Unknown("time-out"), NotPlaced(Postponement.THROTTLED), Refused("53000", "", Category.GRANT_DEAD, "")]
)
async def test_a_proof_nobody_answered_is_made_again_and_nothing_is_concluded_meanwhile(silence: Placement) -> None:
    book = Book(fenced=False)
    exchange = Exchange(silence)
    roster = await begun(book, exchange)
    assert (roster.proving(ANNA), roster.account(ANNA).fenced, book.tagged) == (True, False, None)
    async with proving(roster) as clock:
        await clock.advance(2.5)
        assert roster.proving(ANNA)
        exchange.answer = EXPIRED
        await clock.advance(1)
    assert (roster.proving(ANNA), roster.account(ANNA).fenced, book.tagged) == (False, True, True)


async def test_an_answer_that_came_while_a_new_grant_was_opened_proves_nothing_of_it() -> None:
    book = Book(fenced=False)
    exchange = Renewing(EXPIRED, book=book)
    roster = await begun(book, exchange)
    assert (roster.proving(ANNA), roster.account(ANNA).fenced, book.fenced) == (True, False, False)
    async with proving(roster) as clock:
        await clock.advance(1.5)
    assert (roster.proving(ANNA), roster.account(ANNA).fenced, book.fenced) == (False, True, True)


@pytest.mark.parametrize("moves_on", [1, 2])
async def test_a_proof_of_a_grant_that_has_moved_on_is_made_again(moves_on: int) -> None:
    book = Book(fenced=False, moves_on=moves_on)
    roster = await begun(book, Exchange(EXPIRED))
    assert (roster.proving(ANNA), roster.account(ANNA).fenced, book.fenced) == (True, False, False)
    async with proving(roster) as clock:
        await clock.advance(moves_on + 0.5)
    assert (roster.proving(ANNA), roster.account(ANNA).fenced, book.fenced, book.tagged) == (False, True, True, True)


async def test_a_tag_that_was_repeated_to_a_grant_that_has_moved_on_is_asked_for_again() -> None:
    book = Book(fenced=False)
    exchange = Exchange(EXPIRED)
    exchange.before_live = lambda: setattr(book, "moves_on", 1)
    roster = await begun(book, exchange)
    assert (roster.account(ANNA).fenced, book.tagged, roster.proving(ANNA)) == (True, None, True)
    exchange.before_live = lambda: None
    async with proving(roster) as clock:
        await clock.advance(1.5)
    assert (roster.account(ANNA).fenced, book.tagged, roster.proving(ANNA)) == (True, True, False)


async def test_a_venue_that_never_answers_leaves_the_grant_unfenced_after_a_while() -> None:
    roster = await begun(Book(fenced=False), Exchange(Unknown("time-out")))
    async with proving(roster) as clock:
        await clock.advance(60)
    assert (roster.proving(ANNA), roster.account(ANNA).fenced) == (False, False)


@pytest.mark.parametrize(("answer", "proven"), [(EXPIRED, True), (Accepted("1", 0), False)])
async def test_a_consent_nobody_told_of_is_learned_of_all_the_same(answer: Placement, proven: bool) -> None:
    book, roster = await consented(EXPIRED)
    book.fenced = False  # another grant was put in its place, and the notice got lost
    book.seen.clear()
    exchange: object = Exchange(answer)
    roster._exchange = exchange  # type: ignore[assignment]  # noqa: SLF001 - the venue as the new grant meets it
    await refreshed(roster, lambda: bool(book.seen))
    assert book.seen[0] is False
    assert roster.account(ANNA).fenced is proven


async def test_a_mode_nobody_told_of_is_learned_of_although_the_database_was_away() -> None:
    book, roster = await consented(EXPIRED)
    book.net_mode = False
    book.away = 2
    await refreshed(roster, lambda: not roster.account(ANNA).net_mode)
    assert book.away == 0
    assert roster.account(ANNA).fenced


@pytest.mark.parametrize("how", ["refreshed", "told of another mode"])
async def test_what_was_read_before_a_consent_gives_the_new_grant_no_proof(how: str) -> None:
    book, roster = await consented(Accepted("1", 0))  # the new grant's fence did not hold
    assert not roster.account(ANNA).fenced
    book.fenced, book.net_mode = True, False  # as it was read while the old grant stood
    if how == "refreshed":
        await refreshed(roster, lambda: not roster.account(ANNA).net_mode)
    else:
        await roster.heard(GrantNotice(ANNA, 2, GrantChange.ACCOUNT))
    assert (roster.account(ANNA).fenced, roster.account(ANNA).net_mode) == (False, False)


async def refreshed(roster: Roster, learned: Callable[[], bool]) -> None:
    """Let a roster refresh until it has learned something, and twice more."""
    clock = FakeClock(auto=True)
    refreshing = asyncio.create_task(roster.refresh_for_ever(clock))
    await until(learned)
    after = clock.monotonic() + 2
    await until(lambda: clock.monotonic() > after)
    refreshing.cancel()

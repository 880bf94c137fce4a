"""A follower's account at OKX, in our words: the end of the line for every `OkxError` about an order.

An order is sent once. Only an answer that proves it was not executed, because the credential was not accepted, lets it
go a second time with a newer one, and never beyond its own `expTime`. What nobody answered is Unknown.
"""

import asyncio
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TypeVar

import msgspec
import structlog

from shared.domain.ids import AccountId, ClOrdId, InstId
from shared.domain.orders import Attempt
from shared.domain.outcomes import Category, NotPlaced, OrderReport, Placement, Postponement, Refused, Unknown
from shared.domain.quantities import ZERO, Contracts
from shared.okx import answers, codes, errors, protocol, translation
from shared.okx.apart import Apart, unusable
from shared.okx.authority import Authority, no_answer
from shared.okx.protocol import HotWay, Request, Response, Told
from shared.okx.rest import SiteWays
from shared.okx.signing import authorised, bearer_lines
from shared.okx.venue_clock import OkxVenueClock
from shared.ports import CouldNotAsk, GrantUnusable, Inquired, Placed, Shown
from shared.vault.credentials import BearerToken, Credential

T = TypeVar("T")

_TAG = re.compile(r"[A-Za-z0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class ExchangeLimits:
    """Bounds of an exchange."""

    answer_s: float = 4.0
    fill_pages: int = 50
    """Pages of fills read before giving up on proving that a name is in none of them."""


class _Order(msgspec.Struct, frozen=True, gc=False):
    """One order on its way, whatever it is sent with."""

    request: Request
    follower: AccountId
    cl_ord_id: ClOrdId
    expires_ms: int
    leave_before: float


class OkxExchange:
    """`ports.Exchange`."""

    def __init__(
        self,
        sites: Mapping[str, SiteWays],
        authority: Authority,
        venue: OkxVenueClock,
        tag: str,
        limits: ExchangeLimits = ExchangeLimits(),
    ) -> None:
        """Serve accounts on these sites; every order carries `tag`.

        Raises:
            ValueError: the tag is not 1 to 16 letters or digits: without it an order earns nothing, for good.
        """
        if not _TAG.fullmatch(tag):
            raise ValueError(f"tag {tag!r}: expected 1 to 16 letters or digits")
        self._sites = sites
        self._authority = authority
        self._venue = venue
        self._tag = tag
        self._limits = limits
        self._apart = Apart()
        self._lines: dict[AccountId, tuple[BearerToken, bytes]] = {}
        """Header lines of the tokens in use."""

    def launch(self, attempt: Attempt, expires_ms: int, leave_before: float, placed: Placed) -> None:
        """Send one order that the venue refuses after `expires_ms`; see `ports.Exchange.launch`."""
        order = _Order(
            protocol.place_order(attempt, self._tag, expires_ms),
            attempt.follower,
            attempt.cl_ord_id,
            expires_ms,
            leave_before,
        )
        credential = self._authority.cached(attempt.follower)
        if credential is None:
            self._apart.place(self._place_anew(order), placed)
            return

        def heard(came: Response | errors.OkxError) -> None:
            placement = self._read(order, came)
            if isinstance(placement, NotPlaced) and placement.why is Postponement.UNAUTHORISED:
                self._apart.place(self._place_again(order, credential, placement), placed)
            else:
                placed(placement)

        self._dispatch(order, credential, heard, placed)

    async def place(self, attempt: Attempt, expires_ms: int, leave_before: float = inf) -> Placement:
        """Send one order and wait for what becomes of it; see `ports.Exchange.place`."""
        answer: asyncio.Future[Placement] = asyncio.get_running_loop().create_future()
        self.launch(attempt, expires_ms, leave_before, partial(_settle, answer))
        return await answer

    async def ask(self, follower: AccountId, inst_id: InstId, cl_ord_id: ClOrdId) -> OrderReport | None:
        """Return the latest order of that name, or None; see `ports.Exchange.ask`."""
        answer: asyncio.Future[Shown] = asyncio.get_running_loop().create_future()
        self.inquire(follower, inst_id, cl_ord_id, partial(_settle, answer))
        shown = await answer
        if isinstance(shown, Exception):
            raise shown
        return shown

    def inquire(self, follower: AccountId, inst_id: InstId, cl_ord_id: ClOrdId, inquired: Inquired) -> None:
        """Ask for an order and return at once; see `ports.Exchange.inquire`."""
        credential = self._authority.cached(follower)
        question = partial(self._ask_order, inst_id, cl_ord_id)
        if credential is None:
            self._apart.ask(self._authority.ask(follower, question), inquired)
            return

        def heard(came: Response | errors.OkxError) -> None:
            try:
                shown: Shown = _read_order(came, inst_id, cl_ord_id)
            except errors.Unauthorised as refused:
                self._apart.ask(self._authority.ask_again(credential, refused, question), inquired)
                return
            except errors.OkxError as error:
                shown = no_answer(error)
            except Exception as error:  # noqa: BLE001 - whoever asked must hear, and nothing was learned
                structlog.get_logger().exception("answer_not_read", error=type(error).__name__)
                shown = CouldNotAsk(f"the answer was not read: {type(error).__name__}")
            inquired(shown)

        try:
            wire, signed = self._way(protocol.ask_order(inst_id, cl_ord_id), credential)
        except GrantUnusable as error:
            inquired(error)
            return
        wire.dispatch(signed, self._limits.answer_s, inf, heard)

    async def _ask_order(self, inst_id: InstId, cl_ord_id: ClOrdId, credential: Credential) -> OrderReport | None:
        wire, signed = self._way(protocol.ask_order(inst_id, cl_ord_id), credential)
        return answers.read_order(await wire.send(signed, self._limits.answer_s), inst_id, cl_ord_id)

    async def has_fill(
        self, follower: AccountId, inst_id: InstId, names: Collection[ClOrdId], since_ms: int = 0
    ) -> bool:
        """Tell whether any fill of the last three days carries one of these names; see `ports.Exchange.has_fill`."""

        async def asked(credential: Credential) -> bool:
            rest, bill = self._ways(credential).rest, None
            for _ in range(self._limits.fill_pages):
                page = await rest.fills(credential, inst_id, bill)
                if not page:
                    return False
                if any(fill.clOrdId in names for fill in page):
                    return True
                if min(translation.moment(fill.fillTime, "fillTime") for fill in page) < since_ms:
                    return False
                bill = translation.oldest_bill(page)
            raise CouldNotAsk(f"more than {self._limits.fill_pages} pages of fills of {inst_id}; none can be ruled out")

        return await self._authority.ask(follower, asked)

    async def position(self, follower: AccountId, inst_id: InstId) -> Contracts:
        """Return the signed net position, zero if there is none; see `ports.Exchange.position`."""

        async def asked(credential: Credential) -> Contracts:
            rows = await self._ways(credential).rest.positions(credential, inst_id)
            return translation.net_positions(rows).get(inst_id, ZERO)

        return await self._authority.ask(follower, asked)

    async def positions(self, follower: AccountId) -> Mapping[InstId, Contracts]:
        """Return every signed net position of the account; see `ports.Exchange.positions`."""

        async def asked(credential: Credential) -> Mapping[InstId, Contracts]:
            return translation.net_positions(await self._ways(credential).rest.positions(credential))

        return await self._authority.ask(follower, asked)

    def forget(self, account: AccountId) -> None:
        """Read the account's grant anew at its next use: it changed, or the account is no longer ours."""
        self._authority.forget(account)
        self._lines.pop(account, None)

    async def _place_anew(self, order: _Order) -> Placement:
        """Read the grant, then place."""
        credential = await self._authority.credential(order.follower)
        placement = await self._place(order, credential)
        if isinstance(placement, NotPlaced) and placement.why is Postponement.UNAUTHORISED:
            return await self._place_again(order, credential, placement)
        return placement

    async def _place_again(self, order: _Order, credential: Credential, refused: NotPlaced) -> Placement:
        """Place once more with a newer credential, if one comes up in time: the first was not executed."""
        left_s = (order.expires_ms - self._venue.now_ms()) / 1_000
        newer = await self._authority.newer(credential, refused.code, left_s)
        placement = await self._place(order, newer) if newer else refused
        return self._judged(placement, newer or credential, renewed=newer is not None)

    async def _place(self, order: _Order, credential: Credential) -> Placement:
        answer: asyncio.Future[Placement] = asyncio.get_running_loop().create_future()
        placed = partial(_settle, answer)
        self._dispatch(order, credential, lambda came: placed(self._read(order, came)), placed)
        return await answer

    def _dispatch(self, order: _Order, credential: Credential, heard: Told, placed: Placed) -> None:
        """Send, once, with this credential; `placed` is told where that cannot be begun."""
        try:
            wire, signed = self._way(order.request, credential)
        except GrantUnusable as error:
            placed(unusable(error))
            return
        wire.dispatch(signed, self._limits.answer_s, order.leave_before, heard)

    def _signed(self, request: Request, credential: Credential) -> Request:
        """Add what proves the account; a bearer's lines are spelled once per token."""
        if not isinstance(credential, BearerToken):
            return authorised(request, credential, self._venue.now_ms())
        known = self._lines.get(credential.account)
        if known is None or known[0] is not credential:
            self._lines[credential.account] = known = credential, bearer_lines(credential)
        return Request(request.method, request.path, request.headers + known[1], request.body)

    def _read(self, order: _Order, came: Response | errors.OkxError) -> Placement:
        if not isinstance(came, Response):
            if isinstance(came, errors.NotSent):
                return NotPlaced(Postponement.NOT_SENT)
            return Unknown(str(came))
        placement = answers.read_placement(came, order.cl_ord_id)
        if (
            isinstance(placement, NotPlaced)
            and placement.code in codes.CLOCK_IS_OFF
            and order.expires_ms > self._venue.now_ms()
        ):
            self._venue.resync()  # the venue calls expired what we do not: one of the clocks is off
        return placement

    def _way(self, request: Request, credential: Credential) -> tuple[HotWay, Request]:
        """Return where a request goes, and the request with what proves the account."""
        return self._ways(credential).wire, self._signed(request, credential)

    def _ways(self, credential: Credential) -> SiteWays:
        ways = self._sites.get(credential.site)
        if ways is None:
            raise GrantUnusable(f"site {credential.site!r} is not allowed; expected one of {', '.join(self._sites)}")
        return ways

    def _judged(self, placement: Placement, credential: Credential, *, renewed: bool) -> Placement:
        """Call the grant dead where a credential that is not accepted proves it."""
        match placement:
            case NotPlaced(Postponement.UNAUTHORISED, code) if self._authority.is_dead(
                credential, code, renewed=renewed
            ):
                return Refused(code, "", Category.GRANT_DEAD, codes.CODES[code].meaning)
            case _:
                return placement


def _read_order(came: Response | errors.OkxError, inst_id: InstId, cl_ord_id: ClOrdId) -> OrderReport | None:
    """Read what came of a question. Raises as `answers.read_order`, or what came instead of an answer."""
    if not isinstance(came, Response):
        raise came
    return answers.read_order(came, inst_id, cl_ord_id)


def _settle(answer: asyncio.Future[T], came: T) -> None:
    if not answer.done():
        answer.set_result(came)

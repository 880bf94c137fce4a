"""A follower's account at OKX, in our words: the end of the line for every `OkxError` about an order.

An order is sent once. Only an answer that proves it was not executed, because the credential was not accepted, lets it
go a second time with a newer one, and never beyond its own `expTime`. What nobody answered is Unknown.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import inf

from shared.domain.ids import AccountId, ClOrdId, InstId
from shared.domain.orders import Attempt
from shared.domain.outcomes import Category, NotPlaced, OrderReport, Placement, Postponement, Refused, Unknown
from shared.domain.quantities import ZERO, Contracts
from shared.okx import answers, codes, errors, protocol, translation
from shared.okx.authority import Authority
from shared.okx.protocol import Request, Response
from shared.okx.rest import SiteWays
from shared.okx.signing import authorised
from shared.okx.venue_clock import OkxVenueClock
from shared.ports import CouldNotAsk, GrantUnusable
from shared.vault.credentials import Credential

_TAG = re.compile(r"[A-Za-z0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class ExchangeLimits:
    """Bounds of an exchange."""

    answer_s: float = 4.0
    fill_pages: int = 50
    """Pages of fills read before giving up on proving that a name is in none of them."""


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

    async def place(self, attempt: Attempt, expires_ms: int, leave_before: float = inf) -> Placement:
        """Send one order that the venue refuses after `expires_ms`; see `ports.Exchange.place`."""
        request = protocol.place_order(attempt, self._tag, expires_ms)
        try:
            credential = await self._authority.credential(attempt.follower)
            placement = await self._place(request, credential, attempt.cl_ord_id, expires_ms, leave_before)
            if isinstance(placement, NotPlaced) and placement.why is Postponement.UNAUTHORISED:
                left_s = (expires_ms - self._venue.now_ms()) / 1_000
                newer = await self._authority.newer(credential, placement.code, left_s)
                if newer:
                    placement = await self._place(request, newer, attempt.cl_ord_id, expires_ms, leave_before)
                return self._judged(placement, newer or credential, renewed=newer is not None)
        except GrantUnusable as error:
            return Refused("", "", Category.GRANT_DEAD, str(error))
        except CouldNotAsk:
            return NotPlaced(Postponement.NOT_SENT)
        return placement

    async def ask(self, follower: AccountId, inst_id: InstId, cl_ord_id: ClOrdId) -> OrderReport | None:
        """Return the latest order of that name, or None; see `ports.Exchange.ask`."""

        async def asked(credential: Credential) -> OrderReport | None:
            response = await self._wire(protocol.ask_order(inst_id, cl_ord_id), credential)
            return answers.read_order(response, inst_id, cl_ord_id)

        return await self._authority.ask(follower, asked)

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

    async def _place(
        self, request: Request, credential: Credential, cl_ord_id: ClOrdId, expires_ms: int, leave_before: float
    ) -> Placement:
        try:
            placement = answers.read_placement(await self._wire(request, credential, leave_before), cl_ord_id)
        except errors.NotSent:
            return NotPlaced(Postponement.NOT_SENT)
        except errors.Unanswered as error:
            return Unknown(str(error))
        if (
            isinstance(placement, NotPlaced)
            and placement.code in codes.CLOCK_IS_OFF
            and expires_ms > self._venue.now_ms()
        ):
            self._venue.resync()  # the venue calls expired what we do not: one of the clocks is off
        return placement

    async def _wire(self, request: Request, credential: Credential, leave_before: float = inf) -> Response:
        wire = self._ways(credential).wire
        signed = authorised(request, credential, self._venue.now_ms())
        return await wire.send(signed, self._limits.answer_s, leave_before)

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

"""A leader's account by REST: the truth its socket is compared with."""

from collections.abc import Callable, Sequence

from shared.domain.fills import Fill
from shared.domain.ids import AccountId, InstId
from shared.domain.instruments import InstType
from shared.domain.quantities import Contracts
from shared.okx import models, translation
from shared.okx.authority import Authority
from shared.okx.rest import Rest
from shared.ports import CouldNotAsk, VenueClock
from shared.telemetry.logs import OnceLog
from shared.vault.credentials import Credential

_MOST_PAGES = 1_000
"""A hundred thousand fills: more in three days would take longer to read than to make."""


class OkxHistory:
    """`ports.LeaderHistory`, as far back as `GET trade/fills` goes: three days."""

    def __init__(
        self,
        leader: AccountId,
        rest: Rest,
        authority: Authority,
        venue: VenueClock,
        on_passed_over: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        """Read one leader's account; `on_passed_over` counts fills of products we have no word for."""
        self._leader = leader
        self._rest = rest
        self._authority = authority
        self._venue = venue
        self._passed_over = OnceLog("fill_passed_over", on_passed_over)

    async def fills_since(self, since_ms: int) -> Sequence[Fill]:
        """Return every fill at or after `since_ms`, oldest first; see `ports.LeaderHistory.fills_since`."""

        async def asked(credential: Credential) -> list[Fill]:
            return await self._pages(credential, since_ms)

        found = await self._authority.ask(self._leader, asked)
        return sorted(found, key=lambda fill: int(fill.bill_id))

    async def positions(self) -> dict[InstId, Contracts]:
        """Return the signed net position per instrument; see `ports.LeaderHistory.positions`."""

        async def asked(credential: Credential) -> dict[InstId, Contracts]:
            return translation.net_positions(await self._rest.positions(credential))

        return await self._authority.ask(self._leader, asked)

    async def _pages(self, credential: Credential, since_ms: int) -> list[Fill]:
        """Read pages, newest first, until one has nothing young enough; a short page is not taken for the last."""
        found: list[Fill] = []
        bill: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._rest.fills(credential, older_than_bill=bill)
            seen_ms = self._venue.now_ms()
            young = [row for row in page if translation.moment(row.fillTime, "fillTime") >= since_ms]
            if not young:
                return found
            found += [translation.leader_fill(row, self._leader, seen_ms) for row in young if self._is_ours(row)]
            bill = translation.oldest_bill(page)
        raise CouldNotAsk(f"more than {_MOST_PAGES} pages of fills since {since_ms}")

    def _is_ours(self, row: models.Fill) -> bool:
        """Pass over products we have no word for: they must not hide the fills of all others."""
        known = row.instType in set(InstType)
        if not known:
            self._passed_over.note(f"instType {row.instType}", inst_id=row.instId)
        return known

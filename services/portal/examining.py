"""USE CASE what is to be changed at an account before it trades, and whether its orders earn us anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from services.portal.fitness import Check, lacks, unfit
from shared.domain.grants import GrantKind
from shared.vault.consent import ConsentRefused, ConsentUnanswered, SeenAccount
from shared.vault.credentials import ApiKey, SigningKey, TokenPair

_NO_REBATE: Mapping[str, str] = {
    "1": "Nothing to do for the owner: our own partner status at OKX has expired.",
    "2": "Nothing to do: OKX pays no more for accounts of this level this month.",
    "3": "Nothing to do: OKX pays nothing for accounts of this level.",
    "4": "Nothing to do: OKX has an agreement of its own with this account.",
}
"""By OKX's `type` (okx-api facts, rebate checks); 0 earns."""


class Rebates(Protocol):
    """The venue's word on what a partner earns. Raises as `Consenting`."""

    async def standing(self, site: str, key: ApiKey) -> str:
        """Return OKX's `type` of the account a key belongs to."""


@dataclass(frozen=True, slots=True)
class Examining:
    """Lists what is found; without the partner's own key nothing is said of rebates."""

    rebates: Rebates | None = None

    async def examine(
        self, site: str, seen: SeenAccount, given: ApiKey | TokenPair | None, kind: GrantKind, *, follows: bool
    ) -> Sequence[Check]:
        """List what is to be changed at the venue, and what operators should know; never blocks anybody."""
        found = list(unfit(seen, kind, follows=follows))
        if lacks(seen, trades=follows):
            told = ",".join(sorted(seen.permissions))
            found.append(Check("permissions", told, "Connect again and allow both: reading and trading."))
        if isinstance(given, ApiKey) and self.rebates is not None:
            found += await self._unpaid(self.rebates, site, given)
        return found

    async def _unpaid(self, rebates: Rebates, site: str, key: ApiKey) -> Sequence[Check]:
        """Ask by the account's key, the only name OKX knows it by there; a token has none."""
        try:
            standing = await rebates.standing(site, key)
        except (ConsentRefused, ConsentUnanswered) as error:
            structlog.get_logger().warning("rebate_not_known", reason=str(error))
            return []
        if standing == "0":
            return []
        remedy = _NO_REBATE.get(standing, "Ask OKX what this type means: it is not among those it documents.")
        return [Check("rebate", standing, remedy)]


def key_of(credential: object) -> ApiKey | None:
    """Return the key of a credential that is one."""
    return credential.key if isinstance(credential, SigningKey) else None

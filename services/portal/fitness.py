"""What keeps a connected account from trading, each with its remedy. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain.grants import GrantKind
from shared.vault.consent import SeenAccount

_SPOT_ONLY = "1"
_NET = "net_mode"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to change, and how."""

    name: str
    found: str
    remedy: str


def lacks(seen: SeenAccount, *, trades: bool) -> bool:
    """Tell whether a credential may not do what it was given for."""
    return not seen.permissions & {"read_only", "trade"} or (trades and "trade" not in seen.permissions)


def unfit(seen: SeenAccount, kind: GrantKind, *, follows: bool) -> Sequence[Check]:
    """List what is to be changed at the venue."""
    found = []
    if not follows and kind is GrantKind.OAUTH:
        found.append(Check("grant", kind.value, "Connect by Fast API or a key: a leader's socket opens to keys alone."))
    if seen.position_mode != _NET:
        found.append(
            Check("position_mode", seen.position_mode, "Close your positions and set the position mode to net at OKX.")
        )
    if follows and seen.level == _SPOT_ONLY:
        found.append(Check("account_level", seen.level, "Change the account mode at OKX: level 1 trades no swaps."))
    if follows and seen.equity is not None and seen.equity <= 0:
        found.append(
            Check("balance", str(seen.equity), "Put funds into the trading account: nothing can be copied yet.")
        )
    if kind is GrantKind.API_KEY and not seen.addresses:
        found.append(
            Check(
                "addresses",
                "none",
                "Bind the key to our addresses at OKX: a key bound to none lapses after 14 idle days.",
            )
        )
    return found

"""Which channels there are, on which path, and what their arguments may be (OKX reference, WebSocket channels)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from services.okx_simulator.venue.instruments import Instrument, Market

INST_TYPES: Final = ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION")

PRIVATE: Final = frozenset({"orders", "positions", "account", "balance_and_position"})
PUBLIC: Final = frozenset({"instruments", "tickers", "mark-price", "price-limit"})
_TYPED: Final = frozenset({"orders", "positions"})
"""Channels that must be given an `instType`, which may be ANY."""

MOST_CONNECTIONS: Final = 30


class WrongArgs(Exception):
    """A subscription OKX would refuse, with its code and text."""

    def __init__(self, code: str, text: str) -> None:
        self.code, self.text = code, text
        super().__init__(f"{code} {text}")


@dataclass(frozen=True, slots=True)
class Subscription:
    """One channel a session listens to, with the argument as it was sent."""

    channel: str
    arg: Mapping[str, Any]

    @property
    def key(self) -> str:
        """What makes it the same subscription: its argument without options."""
        return msgspec.json.encode({k: v for k, v in sorted(self.arg.items()) if k != "extraParams"}).decode()

    def covers(self, instrument: Instrument) -> bool:
        """Tell whether changes of an instrument belong to it."""
        arg = self.arg
        return (
            arg.get("instType") in (None, "", "ANY", instrument.inst_type)
            and arg.get("instId") in (None, "", instrument.inst_id)
            and arg.get("instFamily") in (None, "", instrument.family)
        )

    def regular_pushes(self) -> bool:
        """Tell whether full pushes between events are wanted; `updateInterval` "0" turns them off."""
        return "updateInterval" not in str(self.arg.get("extraParams", "")) or '"0"' not in str(self.arg["extraParams"])


def subscription_of(arg: object, path: str, market: Market, *, logged_in: bool) -> Subscription:
    """Check one subscription argument.

    Raises:
        WrongArgs: 60011 not logged in, 60013 wrong members, 60018 no such channel here or no such instrument.
    """
    if not isinstance(arg, dict) or not isinstance(arg.get("channel"), str):
        raise WrongArgs("60013", "Invalid args")
    channel = arg["channel"]
    if channel not in {"public": PUBLIC, "private": PRIVATE}.get(path, frozenset()):
        raise _nowhere(arg)
    if channel in PRIVATE:
        _check_private(arg, channel, market, logged_in=logged_in)
    else:
        _check_public(arg, channel, market)
    return Subscription(channel, arg)


def _check_private(arg: Mapping[str, Any], channel: str, market: Market, *, logged_in: bool) -> None:
    if not logged_in:
        raise WrongArgs("60011", "Please log in")
    if channel in _TYPED:
        if arg.get("instType") not in (*INST_TYPES, "ANY"):
            raise WrongArgs("60013", "Invalid args")
        if arg.get("instId") and arg["instId"] not in market.by_id:
            raise _nowhere(arg)


def _check_public(arg: Mapping[str, Any], channel: str, market: Market) -> None:
    if channel == "instruments":
        if arg.get("instType") not in INST_TYPES:
            raise WrongArgs("60013", "Invalid args")
    elif arg.get("instId") not in market.by_id:
        raise _nowhere(arg)


def _nowhere(arg: Mapping[str, Any]) -> WrongArgs:
    named = ",".join(f"{name}:{value}" for name, value in arg.items() if name != "extraParams")
    return WrongArgs("60018", f"Wrong URL or {named} doesn't exist.")

"""Who takes part: one leader, and as many followers as asked for, every one of whom copies every fill."""

from decimal import Decimal
from secrets import token_hex

from deploy.demo.audit.evidence import Subscription
from deploy.demo.cast import Cast, Follower, Leader

LEADER = "leader-1"
INSTRUMENT = "BTC-USDT-SWAP"
_LIFE_S = 86_400
_MAX_AGE_MS = 600_000
_TOKEN_BYTES = 150
"""As long as OKX's: a bearer token is most of what an order weighs on the wire."""


def bench_cast(followers: int) -> Cast:
    """Make a leader and followers whose ratios differ, none so small that a copy would be below the minimum."""
    leader = Leader(LEADER, "930000001", INSTRUMENT, *(f"{kind}-{token_hex(12)}" for kind in ("key", "secret", "pass")))
    return Cast([leader], [_follower(number) for number in range(followers)], f"client-{token_hex(16)}")


def _follower(number: int) -> Follower:
    account, uid = f"follower-{number:06d}", str(940_000_000 + number)
    ratio = Decimal(number % 97 + 3) / 50
    subscription = Subscription(account, LEADER, ratio, "skip", _MAX_AGE_MS, None)
    access, refresh = f"at-{token_hex(_TOKEN_BYTES)}", f"rt-{token_hex(16)}"
    return Follower(account, uid, access, refresh, _LIFE_S, (subscription,))

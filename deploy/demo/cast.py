"""Who takes part in a rehearsal: three leaders, their followers, and every secret they own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from secrets import token_hex

from deploy.demo.audit.evidence import Subscription

TAG = "slipdemo"
CLIENT_ID = "slipstream-demo"
INSTRUMENTS = ("BTC-USDT-SWAP", "ETH-USDT-SWAP", "SOL-USDT-SWAP")
"""One per leader, so that a follower of two leaders never meets both on one instrument."""
SECRET_SHAPE = rb"(?:at|rt|key|secret|pass)-9\d{8}-[A-Za-z0-9_-]{16,}|client-9\d{8}-[0-9a-f]{32}"
"""What every secret of a rehearsal looks like, those the paper OKX hands out on renewal included."""

SHORTEST_LIFE_S = 24
"""Of an access token: below this a keeper that looks every second could come too late."""
_LONG_LIFE_S = 86_400
_DEEP_POCKETS = "100000000"
_SHARE_RENEWED, _SHARE_OF_TWO, _SHARE_TINY, _SHARE_CAPPED = 0.2, 0.1, 0.1, 0.1
_MAX_AGE_MS = 86_400_000
"""Longer than any session: here an opening that comes late is a fault to be found, not to be skipped."""
_CAP = Decimal("0.02")


@dataclass(frozen=True, slots=True)
class Leader:
    """An account that trades, with its API key."""

    account: str
    uid: str
    inst_id: str
    api_key: str
    secret: str
    passphrase: str


@dataclass(frozen=True, slots=True)
class Follower:
    """An account that copies, with its OAuth pair."""

    account: str
    uid: str
    access: str
    refresh: str
    lives_s: int
    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody, and the application they consented to."""

    leaders: Sequence[Leader]
    followers: Sequence[Follower]
    client_secret: str

    @property
    def subscriptions(self) -> list[Subscription]:
        """Return who follows whom."""
        return [each for follower in self.followers for each in follower.subscriptions]

    @property
    def account_of(self) -> dict[str, str]:
        """Return our name of each of the venue's uids."""
        leaders = {each.uid: each.account for each in self.leaders}
        return leaders | {each.uid: each.account for each in self.followers}

    def at_the_venue(self, *, consented: bool = True) -> Iterator[dict[str, object]]:
        """Yield the accounts as the paper OKX is told of them: with the followers' pairs, or before their consent."""
        for leader in self.leaders:
            keys = {"api_key": leader.api_key, "secret_key": leader.secret, "passphrase": leader.passphrase}
            yield {"uid": leader.uid, "role": "leader", "balances": {"USDT": _DEEP_POCKETS}, **keys}
        for follower in self.followers:
            pair = {"access_token": follower.access, "refresh_token": follower.refresh} if consented else {}
            lives = {"expires_in_s": follower.lives_s, "balances": {"USDT": _DEEP_POCKETS}}
            yield {"uid": follower.uid, "role": "follower", **pair, **lives}


def make_cast(followers: int, seconds: float, seed: int) -> Cast:
    """Draw a cast from a seed: sizes and choices repeat, secrets never do.

    A fifth of the followers hold tokens that are renewed, at half of their life, while the leaders trade for `seconds`.
    A tenth copy so little that many copies are below the minimum; a tenth follow two leaders; a tenth set a cap.
    """
    random = Random(seed)
    leaders = [_leader(number, inst_id) for number, inst_id in enumerate(INSTRUMENTS, 1)]
    people = [_follower(number, leaders, seconds, random) for number in range(1, followers + 1)]
    return Cast(leaders, people, f"client-{900_000_000}-{token_hex(16)}")


def _leader(number: int, inst_id: str) -> Leader:
    uid = str(910_000_000 + number)
    key, secret, passphrase = (f"{kind}-{uid}-{token_hex(12)}" for kind in ("key", "secret", "pass"))
    return Leader(f"leader-{number}", uid, inst_id, key, secret, passphrase)


def _follower(number: int, leaders: Sequence[Leader], seconds: float, random: Random) -> Follower:
    uid = str(920_000_000 + number)
    account = f"www-{uid}"  # what the portal calls whoever consents
    renewed, life_s = random.random() < _SHARE_RENEWED, round(seconds * random.uniform(0.6, 1.8))
    first = (number - 1) % len(leaders)
    followed = [first, (first + 1) % len(leaders)] if random.random() < _SHARE_OF_TWO else [first]
    return Follower(
        account,
        uid,
        f"at-{uid}-{token_hex(16)}",
        f"rt-{uid}-{token_hex(16)}",
        max(SHORTEST_LIFE_S, life_s) if renewed else _LONG_LIFE_S,
        tuple(_subscription(account, leaders[index].account, random) for index in followed),
    )


def _subscription(follower: str, leader: str, random: Random) -> Subscription:
    tiny = random.random() < _SHARE_TINY
    ratio = Decimal(random.randrange(1, 40)) / 10_000 if tiny else Decimal(random.randrange(20, 1_500)) / 1_000
    policy = random.choices(("skip", "round_up", "carry"), (6, 2, 2))[0]
    cap = _CAP if random.random() < _SHARE_CAPPED else None
    return Subscription(follower, leader, ratio, policy, _MAX_AGE_MS, cap)

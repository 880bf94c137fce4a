"""The cast as the enrolment command wants it."""

from collections.abc import Iterator
from typing import Any

from deploy.demo.audit.evidence import Subscription
from deploy.demo.cast import Cast, Follower

_MODES = {"site": "www", "account_level": "2", "position_mode": "net_mode"}


def enrolment_of(cast: Cast) -> dict[str, Any]:
    """Return the document `python -m services.portal enrol` reads."""
    return {"accounts": list(_accounts(cast)), "subscriptions": [_subscription(each) for each in cast.subscriptions]}


def leaders_of(cast: Cast) -> dict[str, Any]:
    """Return the same with the leaders alone: followers who consent need no document."""
    return {"accounts": list(_leaders(cast)), "subscriptions": []}


def _leaders(cast: Cast) -> Iterator[dict[str, Any]]:
    for leader in cast.leaders:
        key = {"key": leader.api_key, "secret": leader.secret, "passphrase": leader.passphrase}
        yield {"account": leader.account, "uid": leader.uid, "leads": True, **_MODES, "api_key": key}


def _accounts(cast: Cast) -> Iterator[dict[str, Any]]:
    yield from _leaders(cast)
    for each in cast.followers:
        yield account_of(each, each.access, each.refresh, each.lives_s)


def account_of(follower: Follower, access: str, refresh: str, lives_s: int) -> dict[str, Any]:
    """Return a follower's account with this pair."""
    pair = {"access_token": access, "refresh_token": refresh, "expires_in_s": lives_s}
    return {"account": follower.account, "uid": follower.uid, **_MODES, "oauth": pair}


def _subscription(each: Subscription) -> dict[str, Any]:
    return {
        "follower": each.follower,
        "leader": each.leader,
        "ratio": f"{each.ratio:f}",
        "below_minimum": each.below_minimum,
        "max_age_ms": each.max_age_ms,
        "drift": each.drift,
        "slippage_cap": None if each.slippage_cap is None else f"{each.slippage_cap:f}",
    }

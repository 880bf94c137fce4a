"""Trouble at the venue: orders and questions that are lost, late, refused for the moment, or not shown."""

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from deploy.chaos.act import Act, Striking
from deploy.chaos.kinds import Kind

_ORDERS = {"method": "POST", "path": "/api/v5/trade/order", "role": "follower"}
_ANY_REQUEST = {"role": "follower"}
_ASKS = {"method": "GET", "path": "/api/v5/trade/order", "role": "follower"}
_HISTORY = {"method": "GET", "role": "leader"}

Spec = Mapping[str, Any]

TROUBLE: Mapping[Kind, Sequence[Spec]] = {
    Kind.ANSWERS_LOST: [{"kind": "answer_lost", "where": _ORDERS, "probability": 0.3}],
    Kind.RESET_BEFORE_READ: [{"kind": "reset_before_read", "where": _ORDERS, "probability": 0.4}],
    Kind.RESET_AFTER_READ: [{"kind": "reset_after_read", "where": _ORDERS, "probability": 0.4}],
    Kind.RESET_AFTER_ACCEPT: [{"kind": "reset_after_accept", "where": _ORDERS, "probability": 0.4}],
    Kind.SERVER_ERRORS: [
        {"kind": "status", "where": _ORDERS, "probability": 0.25, "status": 502, "after_accept": True},
        {"kind": "status", "where": _ORDERS, "probability": 0.25, "status": 503},
        {"kind": "status", "where": _ASKS, "probability": 0.25, "status": 502},
    ],
    Kind.THROTTLE_STORM: [
        {"kind": "throttle", "where": _ORDERS, "probability": 0.7},
        {"kind": "throttle", "where": _ASKS, "probability": 0.5},
    ],
    Kind.LATENCY_SPIKE: [
        {"kind": "latency", "where": _ORDERS, "probability": 0.5, "ms": 200, "jitter_ms": 1_500},
        {"kind": "answer_latency", "where": _ORDERS, "probability": 0.5, "ms": 200, "jitter_ms": 2_500},
    ],
    Kind.SLOW_TRICKLE: [{"kind": "trickle", "where": _ORDERS, "probability": 0.3, "ms": 15}],
    Kind.ORDER_LAG: [{"kind": "get_order_lag", "where": {"role": "follower"}, "ms": 1_200}],
    Kind.HISTORY_ERRORS: [{"kind": "status", "where": _HISTORY, "probability": 0.6, "status": 502}],
    Kind.PUSHES_REPEATED: [{"kind": "push_repeat", "where": {"role": "leader"}, "n": 2}],
    Kind.PUSHES_REORDERED: [{"kind": "push_reorder", "where": {"role": "leader"}, "window": 3, "within_ms": 300}],
    Kind.PUSHES_LATE: [{"kind": "push_late", "where": {"role": "leader"}, "ms": 300, "jitter_ms": 1_500}],
    Kind.PUSHES_UNNAMED: [{"kind": "push_no_trade_id", "where": {"role": "leader"}, "probability": 0.5}],
}


def trouble(kind: Kind) -> Striking:
    """Return the strike that plants a kind's faults for a few seconds."""
    specs = TROUBLE[kind]

    async def strike(act: Act, dice: Random) -> None:
        seconds, venue = dice.uniform(2, 5), act.theatre.stage.venue
        async with act.disturbing():
            planted = [await venue.plant(spec) for spec in specs]
            act.doubt()
            act.timeline.note("venue", f"{kind} for {seconds:.1f} s")
            try:
                await asyncio.sleep(seconds)
            finally:
                for each in planted:
                    await venue.remove(each)
                act.timeline.note("venue", f"{kind} is over")

    return strike


async def shift_clock(act: Act, dice: Random) -> None:
    """Shift the venue's clock, which is apart from the host's since the start, a little further."""
    venue = act.theatre.stage.venue
    await asyncio.sleep(dice.uniform(2, 6))
    act.offset_ms += dice.randrange(-400, 400)
    await venue.set_clock(act.offset_ms)
    act.timeline.note("venue", f"its clock is {act.offset_ms} ms ahead of this host's now")

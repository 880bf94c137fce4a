"""Live figures."""

from decimal import Decimal

from deploy.demo.audit.evidence import LeaderFill, Order, Subscription
from deploy.demo.audit.naming import cl_ord_id
from deploy.demo.tally import Tally

SWAP = "BTC-USDT-SWAP"
FILL = LeaderFill(f"lead:{SWAP}:1", "lead", SWAP, 1_000, Decimal(0), Decimal(1))
PAGE = """# HELP slipstream_lanes_held Shows how many lanes this worker holds.
# TYPE slipstream_lanes_held gauge
slipstream_lanes_held 8.0
slipstream_grant_refreshes_total{outcome="stored"} 3.0
slipstream_grant_refreshes_total{outcome="put_off"} 1.0
slipstream_grant_refreshes_created{outcome="stored"} 1.7e+09
python_gc_objects_collected_total{generation="0"} 12.0
"""


def order(follower: str, leg: str = "open", *, accepted: bool = True, name: str = "") -> Order:
    name = name or cl_ord_id(FILL.event, follower, leg, 0)
    one = Decimal(1)
    return Order(1, 1_025_500, follower, SWAP, one, name, "t", accepted, "0", one, Decimal(0), one)


def test_copies_and_delays_are_counted() -> None:
    tally = Tally([Subscription("a", "lead", Decimal(1)), Subscription("b", "lead", Decimal(1))])
    tally.take([FILL], [order("a")])
    assert (tally.events, tally.copies, tally.arrived(FILL.event), tally.newest_event) == (1, 1, 1, FILL.event)
    assert (tally.percentile(50), tally.last_fill_ms, tally.last_order_ms) == (25.5, 1_000, 1_025)


def test_a_fence_is_proven_by_a_refused_order_with_a_name_of_its_own() -> None:
    tally = Tally([Subscription("a", "lead", Decimal(1)), Subscription("b", "lead", Decimal(1))])
    tally.take([FILL], [order("a", accepted=False, name="proof")])
    tally.take([], [order("b", accepted=False)])
    assert (tally.fences_missing, tally.copies) == (1, 0)


def test_figures_of_services_are_summed_over_labels_and_vanish_with_them() -> None:
    tally = Tally([])
    tally.take_metrics("keeper", PAGE)
    assert tally.gauges["keeper"] == {"lanes_held": 8, "grant_refreshes": 4, "grant_refreshes_created": 1.7e9}
    assert tally.total("lanes_held", {"keeper": 0, "other": 0}) == 8
    tally.take_metrics("keeper", "")
    assert tally.gauges["keeper"] == {}


def test_old_names_are_forgotten_in_a_session_without_end() -> None:
    tally = Tally([Subscription("a", "lead", Decimal(1))])
    for number in range(1_000):
        tally.take([LeaderFill(f"lead:{SWAP}:{number}", "lead", SWAP, number, Decimal(0), Decimal(1))], [])
    tally.take([], [order("a", name=cl_ord_id(f"lead:{SWAP}:1", "a", "open", 0))])
    assert tally.arrived(f"lead:{SWAP}:1") == 0
    tally.take([], [order("a", name=cl_ord_id(f"lead:{SWAP}:999", "a", "open", 0))])
    assert tally.arrived(f"lead:{SWAP}:999") == 1

from typing import Any

import msgspec
import pytest

from services.okx_simulator.faults import BEFORE, HEAD, Fault, Faults, FaultSpec, Scene

ORDER = {"instId": "BTC-USDT-SWAP", "side": "buy", "reduceOnly": True, "clOrdId": "a"}
SCENE = Scene("POST", "/api/v5/trade/order", "1", "follower", (ORDER,))


def plant(faults: Faults, told: dict[str, Any]) -> Fault:
    return faults.plant(msgspec.convert(told, FaultSpec))


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"method": "POST"},
        {"path": "/api/v5/trade/order"},
        {"uid": "1"},
        {"uids": ["2", "1"]},
        {"role": "follower"},
        {"instId": "BTC-USDT-SWAP", "side": "buy"},
        {"reduceOnly": True},
        {"clOrdId": "a"},
    ],
)
def test_where_matches(where: dict[str, Any]) -> None:
    faults = Faults(1)
    plant(faults, {"kind": "throttle", "where": where})
    assert faults.strike(BEFORE, SCENE) is not None


@pytest.mark.parametrize(
    "where",
    [{"method": "GET"}, {"uid": "2"}, {"uids": []}, {"role": "leader"}, {"side": "sell"}, {"reduceOnly": False}],
)
def test_where_keeps_others_out(where: dict[str, Any]) -> None:
    faults = Faults(1)
    plant(faults, {"kind": "throttle", "where": where})
    assert faults.strike(BEFORE, SCENE) is None


def test_times_run_out_and_hits_are_counted() -> None:
    faults = Faults(1)
    fault = plant(faults, {"kind": "throttle", "times": 2})
    assert [faults.strike(BEFORE, SCENE) is fault for _ in range(3)] == [True, True, False]
    assert (fault.hits, faults.struck) == (2, {"throttle": 2})


def test_chance_is_seeded() -> None:
    def pattern(seed: int) -> list[bool]:
        faults = Faults(seed)
        plant(faults, {"kind": "throttle", "probability": 0.5})
        return [faults.strike(BEFORE, SCENE) is not None for _ in range(50)]

    assert pattern(7) == pattern(7)
    assert 10 < sum(pattern(7)) < 40


def test_a_plan_has_at_most_one_fault_before_and_one_after_and_adds_delays() -> None:
    faults = Faults(1)
    for told in (
        {"kind": "latency", "ms": 20},
        {"kind": "latency", "ms": 30},
        {"kind": "status", "status": 503},
        {"kind": "reset_after_read"},
        {"kind": "status", "status": 502, "after_accept": True},
    ):
        plant(faults, told)
    plan = faults.plan(SCENE)
    assert plan.before is not None
    assert plan.after is not None
    assert (plan.before.params["status"], plan.after.params["status"]) == (503, 502)
    assert plan.latency_s == pytest.approx(0.05)
    assert plan.kind == "status"
    assert [fault.hits for fault in faults] == [1, 1, 1, 0, 1]


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"kind": "gremlin"}, "kind is 'gremlin'"),
        ({"kind": []}, r"Expected `str`, got `array` - at `\$.kind`"),
        ({"kind": "throttle", "where": {"colour": "red"}}, "colour"),
        ({"kind": "throttle", "times": 0}, r"`int` >= 1 - at `\$.times`"),
        ({"kind": "throttle", "probability": 2}, r"`float` <= 1.0 - at `\$.probability`"),
        ({"kind": "latency", "ms": "long"}, r"at `\$.ms`"),
        ({"kind": "latency", "millis": 5}, "millis"),
        ({"kind": "reset_before_read", "where": {"side": "buy"}}, "before the body is read"),
    ],
)
def test_bad_faults_are_refused_with_what_was_wrong(told: dict[str, Any], problem: str) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError), match=problem):
        plant(Faults(1), told)


def test_removing_stops_a_fault() -> None:
    faults = Faults(1)
    fault = plant(faults, {"kind": "reset_before_read"})
    assert faults.remove(fault.id) == 1
    assert faults.remove(fault.id) == 0
    assert faults.strike(HEAD, SCENE) is None
    assert not faults


def test_a_shuffle_never_keeps_the_order() -> None:
    faults = Faults(1)
    for _ in range(20):
        frames = ["a", "b"]
        faults.shuffle(frames)
        assert frames == ["b", "a"]

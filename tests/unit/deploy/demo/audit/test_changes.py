"""The auditor knows which settings held for which fill, and when a grant was no good."""

from dataclasses import replace
from decimal import Decimal

import pytest

from deploy.demo.audit.evidence import Change, Subscription
from tests.support.evidence import TOLERANT, Run, found

FIRST = Subscription("follower", "lead", Decimal(1))


def changed(run: Run, **to: object) -> None:
    """Change the subscription now."""
    last = run.settings.changes[-1].subscription if run.settings.changes else FIRST
    change = Change(run.now_ms, replace(last, **to))  # type: ignore[arg-type]  # fields by name
    run.settings = replace(run.settings, changes=[*run.settings.changes, change])


def test_each_fill_is_judged_by_the_ratio_in_force_at_its_time() -> None:
    run = Run(settings=TOLERANT)
    run.order(run.leader("1"), "1")
    changed(run, ratio=Decimal(3))
    run.order(run.leader("2"), "3")
    run.order(run.leader("1"), "-2", "close")
    assert found(run.audit()) == {}


@pytest.mark.parametrize(("size", "word"), [("1", "wrong_size"), ("9", "doubled")])
def test_an_order_by_another_ratio_than_the_one_in_force_is_found(size: str, word: str) -> None:
    run = Run(settings=TOLERANT)
    run.order(run.leader("1"), "1")
    changed(run, ratio=Decimal(3))
    run.order(run.leader("2"), size)
    assert word in found(run.audit())


def test_a_paused_follower_skips_openings_and_still_closes() -> None:
    run = Run(settings=TOLERANT)
    run.order(run.leader("2"), "2")
    changed(run, state="paused")
    run.skip(run.leader("4"), "paused")
    run.order(run.leader("2"), "-1", "close")
    changed(run, state="active")
    run.order(run.leader("3"), "1")
    assert found(run.audit()) == {}


def test_a_pause_claimed_of_a_fill_before_it_is_false() -> None:
    run = Run(settings=TOLERANT)
    run.skip(run.leader("1"), "paused")
    run.now_ms += 1
    changed(run, state="paused")
    assert found(run.audit())["lost"] == 1


def test_an_opening_that_was_due_when_the_pause_came_may_be_skipped_for_it() -> None:
    run = Run(settings=TOLERANT)
    event = run.leader("1")
    changed(run, state="paused")
    run.now_ms += 500
    run.skip(event, "paused")
    assert found(run.audit()) == {}


def test_an_opening_over_a_dead_grant_leaves_the_target() -> None:
    run = Run(settings=TOLERANT)
    run.order(run.leader("1"), "1")
    run.settings = replace(run.settings, dead={"follower": [(run.now_ms, run.now_ms + 5_000)]})
    run.skip(run.leader("3"), "grant_dead")
    run.now_ms += 10_000
    run.order(run.leader("4"), "1")
    assert found(run.audit()) == {}


def test_a_grant_called_dead_that_was_not_is_a_false_claim() -> None:
    run = Run(settings=TOLERANT)
    run.skip(run.leader("3"), "grant_dead")
    assert found(run.audit())["lost"] == 1


def test_a_close_is_never_excused_by_a_dead_grant() -> None:
    run = Run(settings=TOLERANT)
    run.order(run.leader("1"), "1")
    run.settings = replace(run.settings, dead={"follower": [(run.now_ms, run.now_ms + 60_000)]})
    run.skip(run.leader("0"), "grant_dead")
    assert found(run.audit()) == {"lost": 1, "wrong_size": 1}


@pytest.mark.parametrize(("policy", "after", "change", "wrong"), [
    ("repair", "3", "3", {}),
    ("repair", "1.5", "1.5", {}),
    ("repair", "1.5", "3", {"doubled": 1, "wrong_size": 1}),
    ("report", "3", "3", {"doubled": 1, "lost": 1, "wrong_size": 1}),
])  # fmt: skip
def test_a_copy_over_a_dead_grant_may_be_made_up_for_where_that_is_chosen(
    policy: str, after: str, change: str, wrong: dict[str, int]
) -> None:
    """As far as the leader still holds what was refused."""
    run = Run(settings=TOLERANT, drift=policy)
    run.settings = replace(run.settings, dead={"follower": [(run.now_ms, run.now_ms + 5_000)]})
    last = run.leader("3")
    run.skip(last, "grant_dead")
    if after != "3":
        last = run.leader(after)
        run.skip(last, "netted")
    run.skip(last, "missed_copy")
    run.order(last, change)
    assert found(run.audit()) == wrong

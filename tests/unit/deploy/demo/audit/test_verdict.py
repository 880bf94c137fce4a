"""Each word of the audit, shown on evidence made by hand; and that honest runs pass."""

from dataclasses import replace
from decimal import Decimal

import pytest

from deploy.demo.audit.evidence import AuditSettings, PriceMove
from deploy.demo.audit.naming import cl_ord_id
from deploy.demo.audit.report import Word
from tests.support.evidence import START_MS, SWAP, TAG, TOLERANT, Run, copied, found


def test_an_honest_run_passes() -> None:
    """Open, add, partial close, flip in two legs, full close; sizes rounded toward zero on the lot."""
    run = copied(
        [
            ("10", [("open", "3.33")]),
            ("20", [("open", "3.33")]),
            ("5", [("close", "-4.99")]),
            ("-6", [("close", "-1.67"), ("open", "-1.99")]),
            ("0", [("close", "1.99")]),
        ],
        ratio="0.333",
    )
    report = run.audit()
    assert (found(report), report.events, report.copies, report.followers) == ({}, 5, 6, 1)


def test_an_honest_run_may_end_with_a_position() -> None:
    assert found(copied([("10", [("open", "5")]), ("6", [("close", "-2")])], ratio="0.5").audit()) == {}


def test_an_order_named_after_a_later_fill_covers_the_earlier_ones() -> None:
    run = Run()
    run.leader("1")
    run.leader("3")
    run.order(run.leader("2"), "2")
    assert found(run.audit()) == {}


def test_times_are_from_the_leaders_fill_to_the_orders_arrival() -> None:
    report = copied([("1", [("open", "1")]), ("2", [("open", "1")])]).audit()
    assert (report.p50_ms, report.p99_ms) == (10.0, 10.0)


class TestLost:
    def test_a_fill_nobody_answered(self) -> None:
        run = copied([("1", [("open", "1")])])
        run.leader("2")
        assert found(run.audit()) == {"lost": 1, "wrong_size": 1}

    def test_a_rejected_order_covers_nothing(self) -> None:
        run = Run()
        run.order(run.leader("1"), "1", code="50011")
        assert found(run.audit())["lost"] == 1

    def test_a_fill_the_next_order_does_not_carry(self) -> None:
        """An order for the second fill alone does not excuse the first one."""
        run = Run()
        run.leader("1")
        run.order(run.leader("3"), "2")
        assert found(run.audit()) == {"lost": 1}

    def test_an_open_dropped_on_its_way_with_everything_after_it(self) -> None:
        """The venue refuses to close what it never opened; that excuses the close, not the open."""
        run = Run(settings=TOLERANT)
        run.leader("1")
        event = run.leader("0")
        run.skip(event, "refused", run.order(event, "-1", "close", code="51169"), "51169")
        assert found(run.audit()) == {"lost": 1}
        run.order(run.leader("1"), "1")
        assert found(run.audit()) == {"lost": 1}, "a later order does not excuse what a refused one counted on"

    def test_a_close_the_venue_refused_although_something_was_held(self) -> None:
        run = copied([("1", [("open", "1")])])
        run.settings = TOLERANT
        event = run.leader("0")
        run.skip(event, "refused", run.order(event, "-1", "close", code="51000"), "51000")
        assert found(run.audit()) == {"lost": 1, "wrong_size": 1}


class TestClaims:
    @pytest.mark.parametrize("reason", ["below_minimum", "carried", "netted", "nothing_held", "stale", "slippage"])
    def test_a_false_claim_counts_as_lost(self, reason: str) -> None:
        run = Run(
            max_age_ms=60_000, slippage_cap=Decimal("0.01"), below_minimum="carry" if reason == "carried" else "skip"
        )
        run.skip(run.leader("1"), reason)
        assert found(run.audit()) == {"lost": 1, "wrong_size": 1} | (
            {"other_skips": 1} if reason in {"stale", "slippage"} else {}
        )

    @pytest.mark.parametrize("reason", ["poison", "grant_dead", "order_cap", "whatever"])
    def test_a_reason_the_evidence_cannot_confirm_is_not_believed(self, reason: str) -> None:
        run = Run(ratio="0.001")
        run.skip(run.leader("1"), reason)
        assert found(run.audit())["lost"] == 1

    def test_below_the_minimum(self) -> None:
        """Each skip leaves the target, so the third still is too small."""
        run = Run(ratio="0.006")
        for after in ("1", "2", "3"):
            run.skip(run.leader(after), "below_minimum")
        run.skip(run.leader("0"), "nothing_held")
        report = run.audit()
        assert (found(report), report.skips) == ({}, {"below_minimum": 3, "nothing_held": 1})

    def test_below_the_minimum_only_where_the_subscription_skips(self) -> None:
        run = Run(ratio="0.006", below_minimum="carry")
        run.skip(run.leader("1"), "below_minimum")
        assert found(run.audit())["lost"] == 1

    def test_carried_until_it_is_enough(self) -> None:
        run = Run(ratio="0.006", below_minimum="carry")
        run.skip(run.leader("1"), "carried")
        run.order(run.leader("2"), "0.01")
        run.order(run.leader("0"), "-0.01", "close")
        assert found(run.audit()) == {}

    def test_rounded_up(self) -> None:
        run = copied(
            [("1", [("open", "0.01")]), ("2", [("open", "0.01")]), ("0", [("close", "-0.02")])],
            ratio="0.006",
            below_minimum="round_up",
        )
        assert found(run.audit()) == {}

    def test_two_opens_too_small_together_after_a_close(self) -> None:
        """The first open alone was large enough; by the time an order was due, a close had shrunk it."""
        run = Run(ratio="0.1")
        first, second = run.leader("1"), run.leader("0.05")
        run.skip(first, "below_minimum")
        assert found(run.audit()) == {}
        run.skip(second, "netted")
        assert found(run.audit()) == {}

    def test_netted_covers_what_came_before(self) -> None:
        run = Run()
        run.leader("1")
        run.skip(run.leader("0"), "netted")
        assert found(run.audit()) == {}

    def test_a_close_of_less_than_a_lot(self) -> None:
        run = copied([("1", [("open", "0.1")])], ratio="0.1")
        run.skip(run.leader("0.95"), "netted")
        assert found(run.audit()) == {}

    def test_stale_opens(self) -> None:
        run = Run(max_age_ms=500, settings=TOLERANT)
        event = run.leader("1")
        run.now_ms += 501
        run.skip(event, "stale")
        run.skip(run.leader("0"), "nothing_held")
        assert found(run.audit()) == {}

    def test_stale_closes_are_never_right(self) -> None:
        run = copied([("1", [("open", "1")])])
        run.skip(run.leader("0"), "stale")
        assert found(run.audit())["stale_closes"] == 1

    def test_slippage_is_checked_against_the_prices_of_the_script(self) -> None:
        moves = [PriceMove(START_MS, SWAP, Decimal(100)), PriceMove(START_MS + 1_005, SWAP, Decimal(102))]
        run = Run(slippage_cap=Decimal("0.01"), settings=replace(TOLERANT, prices=moves))
        event = run.leader("1")
        run.now_ms += 10
        run.skip(event, "slippage")
        assert found(run.audit()) == {}
        assert found(replace(run, slippage_cap=Decimal("0.03")).audit())["lost"] == 1

    def test_an_open_the_venue_refused(self) -> None:
        run = Run(settings=TOLERANT)
        event = run.leader("1")
        run.skip(event, "refused", run.order(event, "1", code="51008"), "51008")
        run.order(run.leader("2"), "1")
        assert found(run.audit()) == {}

    def test_a_refusal_the_venue_never_gave(self) -> None:
        run = Run(settings=TOLERANT)
        run.skip(run.leader("1"), "refused", "0" * 32, "51008")
        assert found(run.audit())["lost"] == 1

    def test_growth_the_leader_did_not_choose(self) -> None:
        run = Run(settings=TOLERANT)
        run.skip(run.leader("1", category="full_liquidation"), "not_chosen")
        assert found(run.audit()) == {}

    def test_a_claim_written_twice_counts_once(self) -> None:
        run = Run(ratio="0.001")
        event = run.leader("1")
        run.skip(event, "below_minimum")
        run.now_ms += 5
        run.skip(event, "below_minimum")
        report = run.audit()
        assert (found(report), report.skips) == ({}, {"below_minimum": 1})

    def test_a_claim_about_nothing(self) -> None:
        run = Run()
        run.skip(f"lead:{SWAP}:99", "netted")
        assert found(run.audit()) == {"unnamed": 1}

    def test_too_many_skips_for_other_reasons(self) -> None:
        run = copied([(str(number), [("open", "1")]) for number in range(1, 17)])
        run.max_age_ms = 10
        event = run.leader("17")
        run.now_ms += 100
        run.skip(event, "stale")
        assert found(run.audit()) == {"other_skips": 1}


class TestDoubled:
    def test_one_name_accepted_twice(self) -> None:
        run = Run()
        event = run.leader("1")
        run.order(event, "1")
        run.order(event, "1")
        assert found(run.audit()) == {"doubled": 1, "wrong_size": 1}

    def test_the_same_open_under_two_names(self) -> None:
        run = Run()
        event = run.leader("1")
        run.order(event, "1", tries=0)
        run.order(event, "1", tries=1)
        assert found(run.audit()) == {"doubled": 1, "wrong_size": 1}

    def test_beyond_the_target_by_more_than_a_lot(self) -> None:
        assert found(copied([("1", [("open", "1.01")])]).audit()) == {}
        assert found(copied([("1", [("open", "1.02")]), ("0", [("close", "-1.02")])]).audit()) == {"doubled": 1}

    def test_a_close_sent_twice_opens_the_other_side(self) -> None:
        run = copied([("1", [("open", "1")]), ("0", [("close", "-1")])])
        run.order(run.fills[-1].event, "-1", "close", 1)
        assert found(run.audit()) == {"doubled": 1, "wrong_size": 1}

    def test_an_order_decided_before_a_later_close_is_no_double(self) -> None:
        """It arrives after the leader closed, but answers the target of the fill it is named after."""
        run = Run()
        opening = run.leader("1")
        closing = run.leader("0")
        run.order(opening, "1")
        run.order(closing, "-1", "close")
        assert found(run.audit()) == {}


class TestOtherFindings:
    def test_misordered(self) -> None:
        run = Run()
        first, second = run.leader("1"), run.leader("2")
        run.order(second, "1")
        run.order(first, "1")
        assert found(run.audit()) == {"misordered": 1}

    def test_untagged(self) -> None:
        run = Run()
        run.order(run.leader("1"), "1", tag="")
        assert found(run.audit()) == {"untagged": 1}

    def test_an_order_too_small(self) -> None:
        run = copied([("1", [("open", "0.5")]), ("0", [("close", "-0.5")])])
        assert found(run.audit()) == {"wrong_size": 1}

    def test_a_close_too_small_and_completed_is_still_one_finding(self) -> None:
        run = copied([("2", [("open", "2")])])
        event = run.leader("1")
        run.order(event, "-0.5", "close", 0)
        run.order(event, "-0.5", "close", 1)
        assert found(run.audit()) == {"wrong_size": 1}

    def test_a_position_that_differs_at_quiet(self) -> None:
        run = copied([("1", [("open", "1")])])
        run.position -= Decimal("0.02")
        assert found(run.audit()) == {"wrong_size": 1}

    def test_an_order_with_a_name_of_nothing(self) -> None:
        run = copied([("1", [("open", "1")])])
        run.order("", "0.01", name="f" * 32)
        assert found(run.audit()) == {"unnamed": 1}

    def test_leaks(self) -> None:
        report = Run(settings=AuditSettings(TAG, {}, leaks=["a refresh token in worker.log"])).audit()
        assert (found(report), str(report.findings[0])) == ({"leaks": 1}, "leaks: a refresh token in worker.log")


class TestPieces:
    def test_an_order_above_the_venues_maximum_goes_in_pieces(self) -> None:
        run = Run(largest=Decimal(4))
        event = run.leader("10")
        for tries, size in enumerate(("4", "4", "2")):
            run.order(event, size, tries=tries)
        closing = run.leader("0")
        for tries, size in enumerate(("-4", "-4", "-2")):
            run.order(closing, size, "close", tries)
        assert found(run.audit()) == {}

    def test_what_an_opening_left_unfilled_leaves_the_target(self) -> None:
        run = Run()
        first = run.leader("10")
        second = run.leader("5")
        run.order(first, "10", filled="4")
        run.order(second, "-2", "close")
        run.order(run.leader("6"), "1")
        assert found(run.audit()) == {}

    def test_an_opening_chased_after_it_stayed_unfilled(self) -> None:
        run = Run()
        event = run.leader("10")
        run.order(event, "10", filled="4")
        run.order(event, "6", tries=1)
        assert found(run.audit()) == {"doubled": 1, "wrong_size": 1}

    def test_a_remainder_nobody_could_hold_counts_as_a_full_close(self) -> None:
        run = copied([("10", [("open", "10")]), ("0.005", [("close", "-10")])])
        run.skip(run.leader("0"), "nothing_held")
        assert found(run.audit()) == {}

    def test_a_small_open_lost_with_a_killed_worker_is_within_tolerance(self) -> None:
        """Skipped and then forgotten in the kill, or taken along: both are honest."""
        for size in ("1.99", "2"):
            run = Run(ratio="0.199")
            run.leader("0.05")
            run.order(run.leader("10"), size)
            assert found(run.audit()) == {}


class TestInDoubt:
    def test_names_asked_for_after_a_kill_of_events_on_both_sides_of_it(self) -> None:
        run = Run()
        event = run.leader("2")
        first = run.order(event, "1")
        kill = run.now_ms
        run.order(event, "1", tries=1)
        run.now_ms = kill + 4_000
        run.ask(first, found=True)
        run.ask(first, found=True)
        run.ask(cl_ord_id(event, "follower", "close", 0), found=False)
        run.settings = AuditSettings(TAG, {}, kills_ms=[kill])
        report = run.audit()
        assert (report.kills, report.in_doubt) == (1, 2)

    def test_asking_what_an_order_filled_is_no_doubt(self) -> None:
        run = Run()
        event = run.leader("2")
        first = run.order(event, "1")
        kill = run.now_ms
        run.now_ms += 500
        run.ask(first, found=True)
        second = run.order(event, "1", tries=1)
        run.now_ms += 5_000
        run.ask(second, found=True)
        run.settings = AuditSettings(TAG, {}, kills_ms=[kill])
        assert run.audit().in_doubt == 0


def test_the_report_spells_every_word_as_plain_values() -> None:
    run = Run()
    run.order(run.leader("1"), "1", tag="other")
    said = run.audit().as_json()
    assert said["untagged"] == 1
    assert {word.value for word in Word} <= set(said)
    assert said["findings"] == [
        f"untagged: follower {SWAP}: order {run.orders[0].cl_ord_id} carries the tag 'other'; expected 'partner1'"
    ]

"""Outcomes, notices and strands: what goes in comes out, and what is not theirs is refused."""

import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.reasons import Reason
from shared.messages import notices, outcome, strand
from shared.messages.entries import write_trade_event
from shared.messages.notices import GrantChange, GrantNotice
from shared.messages.outcome import HopTimes, OutcomeKind, OutcomeV1
from shared.messages.strand import AttemptV1, OpeningV1, OwedPhase, PendingV1, StrandV1
from tests.support.builders import NOON_MS, event
from tests.unit.shared.domain.drawing import proven

words = st.text(max_size=20)
moments = st.integers(0, 2 * NOON_MS)
decimals = st.decimals(-(10**15), 10**15, allow_nan=False, allow_infinity=False)
outcomes = st.builds(
    OutcomeV1,
    cl_ord_id=words,
    kind=st.sampled_from(OutcomeKind),
    at_ms=moments,
    follower=words,
    leader=words,
    inst_id=words,
    event=words,
    tries=st.integers(0, 9),
    covers=st.integers(0, 9),
    reason=st.sampled_from(["", *(reason.value for reason in Reason)]),
    numbers=st.dictionaries(words, words, max_size=3),
    filled=words,
    hops=st.builds(HopTimes, filled_ms=moments, sent_ms=moments, settled_ms=moments),
)
openings = st.builds(OpeningV1, event=words, at_ms=moments, price=decimals, size=decimals)
attempts = st.builds(
    AttemptV1,
    event=words,
    leg=st.sampled_from(["close", "open"]),
    tries=st.integers(0, 9),
    change=decimals,
    type=st.sampled_from(["market", "ioc"]),
    price=st.none() | decimals,
    reduce_only=st.booleans(),
    margin_mode=st.sampled_from(["cross", "isolated"]),
    openings=st.lists(openings, max_size=3).map(tuple),
    more=st.booleans(),
    expires_ms=moments,
    order_id=words,
    sent_ms=moments,
)
strands = st.builds(
    StrandV1,
    cursor=words,
    event=words,
    event_ms=moments,
    tries=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    target=decimals,
    held=decimals,
    kept=decimals,
    covers=st.integers(0, 9),
    openings=st.lists(openings, max_size=3).map(tuple),
    phase=st.none() | st.sampled_from(OwedPhase),
    attempt=st.none() | attempts,
    doubtful=st.just(()) | st.just((PendingV1("7-0", write_trade_event(event(0, 1))),)),
)


@proven
@given(outcomes)
def test_an_outcome_comes_back_as_it_was(made: OutcomeV1) -> None:
    assert outcome.decode(outcome.encode(made)) == made


@proven
@given(strands)
def test_a_strand_comes_back_as_it_was_to_the_last_digit(made: StrandV1) -> None:
    """A target of 28 digits is still exact after a takeover."""
    assert strand.decode(strand.encode(made)) == made


@pytest.mark.parametrize("change", list(GrantChange))
def test_a_notice_comes_back_as_it_was(change: GrantChange) -> None:
    made = GrantNotice("follower", 3, change)
    assert notices.decode(notices.encode(made)) == made


def test_an_outcome_leaves_out_what_it_does_not_know() -> None:
    """The stream carries an outcome per follower and event: what is empty is not spelled."""
    made = OutcomeV1(
        "b377", OutcomeKind.SKIPPED, NOON_MS, "follower", "leader", "BTC-USDT-SWAP", "leader:BTC-USDT-SWAP:1"
    )
    assert set(json.loads(outcome.encode(made))) == {
        "schema",
        "cl_ord_id",
        "kind",
        "at_ms",
        "follower",
        "leader",
        "inst_id",
        "event",
    }


def test_exact_numbers_of_a_strand_are_text() -> None:
    made = StrandV1("1-0", "e", 0, (0, 0), Decimal("0.3333333333333333333333333333"), Decimal(3), Decimal(1))
    spelled = json.loads(strand.encode(made))
    assert (spelled["target"], spelled["held"]) == ("0.3333333333333333333333333333", "3")


@proven
@given(st.binary(max_size=100) | st.sampled_from([b"{}", b'{"schema":"outcome/2"}', b'{"schema":"strand/1"}', b"null"]))
def test_what_is_not_theirs_is_refused(payload: bytes) -> None:
    for decode in (outcome.decode, notices.decode, strand.decode):
        with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
            decode(payload)

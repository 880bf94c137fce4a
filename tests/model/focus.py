"""For each rule: the faults it protects against, and a seed at which removing it is known to go wrong.

A change to the product or the model moves the seeds; the tests then search on from there.
`python -m tests.model --without RULE --focus` finds a new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.model.rules import Fault, Rule

BUDGET = 3_000
"""Schedules in which the removal of a rule must show."""


@dataclass(frozen=True, slots=True)
class Focus:
    """Where to look for the harm done by removing a rule."""

    seed: int
    faults: frozenset[Fault]


def _focus(seed: int, *faults: Fault) -> Focus:
    return Focus(seed, frozenset(faults))


FOCUS: Mapping[Rule, Focus] = {
    Rule.BEGUN_FENCED: _focus(239, Fault.CRASH, Fault.PAUSE),
    Rule.STAMP_WITH_CHECK: _focus(64, Fault.PAUSE, Fault.LOST_ANSWER),
    Rule.EXP_MAX_CAP: _focus(202, Fault.CRASH, Fault.PAUSE),
    Rule.WAIT_EXP_MAX: _focus(26, Fault.LOST_ANSWER, Fault.RELEASE),
    Rule.UNIQUE_TOKEN: _focus(39, Fault.ROLLBACK, Fault.EMPTIED, Fault.PAUSE),
    Rule.TOKEN_IN_COMMIT: _focus(17, Fault.PAUSE),
    Rule.COMMIT_SEQ: _focus(0, Fault.CRASH, Fault.LOST_REPLY),
    Rule.EPOCH_IN_COMMIT: _focus(3155, Fault.ROLLBACK),
    Rule.NEXT_AFTER_COMMIT: _focus(2361, Fault.CRASH, Fault.REFUSED, Fault.PARTIAL, Fault.CUT_REDIS),
    Rule.BOOK_BY_SETTLED: _focus(1, Fault.PARTIAL),
    Rule.ASK_UNKNOWN: _focus(1, Fault.LOST_ANSWER),
    Rule.ASK_IN_DOUBT: _focus(0, Fault.CRASH),
    Rule.ASK_ALL_NAMES: _focus(2, Fault.ROLLBACK, Fault.EMPTIED),
    Rule.REFUSED_KEEPS_NAME: _focus(221, Fault.ROLLBACK, Fault.EMPTIED, Fault.REFUSED),
    Rule.TWO_ABSENT_ANSWERS: _focus(44, Fault.CRASH, Fault.LAG, Fault.LOST_ANSWER),
    Rule.OWED_ON_OFFSET: _focus(2, Fault.CRASH, Fault.LOST_ANSWER),
    Rule.SINCE_AFTER_EPOCH: _focus(2, Fault.ROLLBACK, Fault.EMPTIED),
    Rule.SINCE_IS_LATEST: _focus(893, Fault.EMPTIED, Fault.CLOCK),
    Rule.EPOCH_VOIDS_LEASES: _focus(369, Fault.ROLLBACK, Fault.EMPTIED),
    Rule.PUBLISHER_DEDUPE: _focus(1),
    Rule.CAS_POSITION: _focus(13, Fault.CRASH),
    Rule.VERSION_OF_SERVER: _focus(22, Fault.ROLLBACK, Fault.EMPTIED),
    Rule.READ_BEFORE_ASKING: _focus(450, Fault.ROLLBACK, Fault.EMPTIED),
    Rule.FORGOTTEN_AT_ONCE: _focus(121, Fault.ROLLBACK, Fault.EMPTIED, Fault.WATCHERS_DOWN),
    Rule.CLEAN_IS_WHOLE: _focus(0, Fault.CRASH, Fault.RELEASE),
    Rule.VENUE_FENCE: _focus(23, Fault.CRASH, Fault.PAUSE),
    Rule.LEASE_CHECK: _focus(178, Fault.UNFENCED, Fault.PAUSE),
    Rule.BACKFILL: _focus(0, Fault.SOCKET),
    Rule.PUSHES_WAIT: _focus(2, Fault.SOCKET),
    Rule.REPUBLISHED_FIRST: _focus(
        565, Fault.ROLLBACK, Fault.WATCHERS_DOWN, Fault.THROTTLED, Fault.PARTIAL, Fault.REFUSED
    ),
}

PROTECTIONS: Mapping[str, Rule] = {
    "no expTime": Rule.VENUE_FENCE,
    "expTime beyond exp_max": Rule.EXP_MAX_CAP,
    "blind resend": Rule.ASK_UNKNOWN,
    "no lease check before a send": Rule.LEASE_CHECK,
    "no token check in begun": Rule.BEGUN_FENCED,
    "no token check in commit": Rule.TOKEN_IN_COMMIT,
    "commit not idempotent": Rule.COMMIT_SEQ,
    "next order before commit": Rule.NEXT_AFTER_COMMIT,
    "offset past a duty without owed": Rule.OWED_ON_OFFSET,
    "no backfill": Rule.BACKFILL,
    "pushes before backfill": Rule.PUSHES_WAIT,
    "since ignored": Rule.SINCE_AFTER_EPOCH,
}
"""The protections the published contract names, and the rule that stands for each in the model."""

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
    together_with: frozenset[Rule] = frozenset()
    """Rules removed along with it, because they alone already prevent the same harm."""


def _focus(seed: int, *faults: Fault) -> Focus:
    return Focus(seed, frozenset(faults))


FOCUS: Mapping[Rule, Focus] = {
    Rule.BEGUN_FENCED: _focus(1058, Fault.CRASH, Fault.PAUSE),
    Rule.STAMP_WITH_CHECK: _focus(1590, Fault.PAUSE, Fault.LOST_ANSWER),
    Rule.EXP_MAX_CAP: _focus(132, Fault.CRASH, Fault.PAUSE),
    Rule.WAIT_EXP_MAX: _focus(2, Fault.LOST_ANSWER, Fault.RELEASE),
    Rule.UNIQUE_TOKEN: _focus(17, Fault.ROLLBACK, Fault.EMPTIED, Fault.PAUSE),
    Rule.TOKEN_IN_COMMIT: _focus(253, Fault.PAUSE),
    Rule.COMMIT_SEQ: _focus(0, Fault.CRASH, Fault.LOST_REPLY),
    Rule.EPOCH_IN_COMMIT: _focus(1074, Fault.ROLLBACK),
    Rule.NEXT_AFTER_COMMIT: Focus(
        321, frozenset({Fault.CRASH, Fault.REFUSED, Fault.PARTIAL}), together_with=frozenset({Rule.REFUSED_KEEPS_NAME})
    ),
    Rule.BOOK_BY_SETTLED: _focus(1, Fault.PARTIAL),
    Rule.ASK_UNKNOWN: _focus(1, Fault.LOST_ANSWER),
    Rule.ASK_IN_DOUBT: _focus(0, Fault.CRASH),
    Rule.ASK_ALL_NAMES: _focus(2, Fault.ROLLBACK, Fault.EMPTIED),
    Rule.REFUSED_KEEPS_NAME: _focus(50, Fault.ROLLBACK, Fault.EMPTIED, Fault.REFUSED),
    Rule.TWO_ABSENT_ANSWERS: _focus(27, Fault.CRASH, Fault.LAG, Fault.LOST_ANSWER),
    Rule.OWED_ON_OFFSET: _focus(0, Fault.CRASH, Fault.LOST_ANSWER),
    Rule.SINCE_AFTER_EPOCH: _focus(2, Fault.ROLLBACK, Fault.EMPTIED),
    Rule.SINCE_IS_LATEST: _focus(213, Fault.EMPTIED, Fault.CLOCK),
    Rule.EPOCH_VOIDS_LEASES: _focus(148, Fault.ROLLBACK, Fault.EMPTIED),
    Rule.PUBLISHER_DEDUPE: _focus(0),
    Rule.CAS_POSITION: _focus(4, Fault.CRASH),
    Rule.VERSION_OF_SERVER: _focus(162, Fault.ROLLBACK, Fault.EMPTIED),
    Rule.READ_BEFORE_ASKING: _focus(131, Fault.ROLLBACK, Fault.EMPTIED),
    Rule.FORGOTTEN_AT_ONCE: _focus(109, Fault.ROLLBACK, Fault.EMPTIED, Fault.WATCHERS_DOWN),
    Rule.REPUBLISHED_FIRST: _focus(
        111, Fault.ROLLBACK, Fault.WATCHERS_DOWN, Fault.THROTTLED, Fault.PARTIAL, Fault.REFUSED
    ),
}

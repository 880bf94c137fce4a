"""When a grant is renewed."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.grants import GrantKind, GrantLife, GrantStatus, is_due, refresh_due_ms
from shared.domain.ids import AccountId
from tests.support.builders import NOON_MS
from tests.unit.shared.domain.drawing import proven

HOUR_MS = 3_600_000
LIFE = GrantLife(AccountId("follower"), GrantKind.OAUTH, 1, GrantStatus.LIVE, NOON_MS, NOON_MS + HOUR_MS)
fractions = st.integers(20, 95).map(lambda number: Decimal(number) / 100)
jitters = st.integers(0, 100).map(lambda number: Decimal(number) / 100)


def test_a_grant_is_renewed_at_a_fraction_of_its_life() -> None:
    """An hour at 0.7 is 42 minutes; the most jitter takes a tenth of the hour from it."""
    assert refresh_due_ms(LIFE, Decimal("0.7"), Decimal(0)) == NOON_MS + 42 * 60_000
    assert refresh_due_ms(LIFE, Decimal("0.7"), Decimal(1)) == NOON_MS + 36 * 60_000


@proven
@given(st.integers(1, 90 * 24 * HOUR_MS), fractions, jitters)
def test_a_grant_is_due_while_it_lives(life_ms: int, fraction: Decimal, jitter: Decimal) -> None:
    """After its issue, before its end, and never earlier than a tenth of its life before the fraction."""
    life = replace(LIFE, expires_ms=NOON_MS + life_ms)
    due = refresh_due_ms(life, fraction, jitter)
    assert NOON_MS <= due < life.expires_ms
    assert due >= NOON_MS + int(life_ms * (fraction - Decimal("0.1")))


def test_due_is_from_its_moment_on_and_still_after_the_end() -> None:
    due = refresh_due_ms(LIFE, Decimal("0.7"), Decimal(0))
    moments = [due - 1, due, LIFE.expires_ms + 1]
    assert [is_due(LIFE, now, Decimal("0.7"), Decimal(0)) for now in moments] == [False, True, True]


@pytest.mark.parametrize(
    "life",
    [
        replace(LIFE, kind=GrantKind.API_KEY),
        replace(LIFE, status=GrantStatus.NEEDS_CONSENT),
        replace(LIFE, status=GrantStatus.REVOKED),
    ],
)
def test_keys_and_dead_grants_are_never_due(life: GrantLife) -> None:
    assert not is_due(life, life.expires_ms, Decimal("0.7"), Decimal(0))

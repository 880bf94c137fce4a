"""How long to wait before trying again."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.backoff import delay_ms
from tests.unit.shared.domain.drawing import proven


def test_the_delay_doubles_up_to_its_most() -> None:
    assert [delay_ms(tries, 100, 1_000, Decimal(0)) for tries in range(6)] == [100, 200, 400, 800, 1_000, 1_000]


def test_jitter_takes_up_to_half() -> None:
    assert [delay_ms(0, 100, 1_000, jitter) for jitter in (Decimal(0), Decimal("0.5"), Decimal(1))] == [100, 75, 50]


@proven
@given(
    st.integers(0, 10**6),
    st.integers(1, 10_000),
    st.integers(1, 10**7),
    st.integers(0, 100).map(lambda n: Decimal(n) / 100),
)
def test_the_delay_stays_between_half_and_whole(tries: int, first: int, most: int, jitter: Decimal) -> None:
    """However long it goes on: no overflow, no delay above the most."""
    whole = delay_ms(tries, first, most, Decimal(0))
    assert min(first, most) <= whole <= most
    assert whole // 2 <= delay_ms(tries, first, most, jitter) <= whole

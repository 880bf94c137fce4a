"""How long to wait before trying again."""

from decimal import Decimal


def delay_ms(tries: int, first_ms: int, most_ms: int, jitter: Decimal) -> int:
    """Double from `first_ms` up to `most_ms`, then take away up to half of it (`jitter` in 0..1).

    The jitter keeps many who failed together from coming back together.
    """
    whole = min(most_ms, first_ms * 2 ** min(tries, 20))
    return int(whole * (1 - jitter / 2))

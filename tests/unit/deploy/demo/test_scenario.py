"""The leaders' part: drawn from a seed, and rich enough to show every kind of trade."""

from collections import Counter
from decimal import Decimal

from deploy.demo.scenario import Script

LOT = Decimal("0.01")


def played(seed: str, moves: int) -> list[tuple[str, Decimal, list[Decimal]]]:
    script, held = Script(seed, Decimal(100)), Decimal(0)
    seen = []
    for _ in range(moves):
        word, orders = script.next()
        changes = [order.change for order in orders]
        for order in orders:
            assert not order.pieces or sum(order.pieces) == abs(order.change)
            assert all(piece >= LOT for piece in order.pieces)
        seen.append((word, held, changes))
        held += sum(changes)
        assert held == script.held
    return seen


def test_one_seed_one_story() -> None:
    assert played("1/leader-1", 50) == played("1/leader-1", 50)
    assert played("1/leader-1", 50) != played("2/leader-1", 50)


def test_every_kind_of_trade_comes_up() -> None:
    words = Counter(word for word, _, _ in played("1/leader-1", 300))
    assert set(words) == {"add", "pieces", "burst", "reduce", "flip", "flat"}


def test_every_order_is_one_the_venue_takes() -> None:
    for seed in range(30):
        for word, held, changes in played(str(seed), 100):
            assert changes, word
            assert all(change and change % LOT == 0 for change in changes)
            assert word == "add" or word in {"pieces", "burst"} or held


def test_words_mean_what_they_say() -> None:
    moves = [(word, held, held + sum(changes)) for word, held, changes in played("3", 400)]
    assert {after for word, _, after in moves if word == "flat"} == {0}
    assert all(after * held < 0 for word, held, after in moves if word == "flip")
    assert all(abs(after) < abs(held) for word, held, after in moves if word == "reduce")
    assert all(abs(after) > abs(held) for word, held, after in moves if word in {"add", "pieces", "burst"})


def test_the_end_is_flat() -> None:
    script = Script("1", Decimal(100))
    assert script.flatten() == []
    script.next()
    assert [order.change for order in script.flatten()] == [-script.held]


def test_prices_wander_slowly() -> None:
    script = Script("1", Decimal(60_000))
    before = script.price
    for _ in range(200):
        after = script.drift()
        assert abs(after - before) / before <= Decimal("0.0006")
        before = after

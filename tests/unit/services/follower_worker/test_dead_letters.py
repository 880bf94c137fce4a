"""A stream most of which cannot be read was written by another version; setting it all aside would lose it."""

import pytest

from services.follower_worker.dead_letters import DeadLetters, TooManyDead


def test_a_few_are_set_aside() -> None:
    letters = DeadLetters()
    for _ in range(20):
        letters.note(readable=False)


def test_when_it_is_most_of_what_comes_it_stops() -> None:
    letters = DeadLetters()
    with pytest.raises(TooManyDead, match="21 of the latest 21"):
        for _ in range(21):
            letters.note(readable=False)


def test_a_minority_never_stops_it() -> None:
    letters = DeadLetters()
    for number in range(2_000):
        letters.note(readable=number % 2 == 0)


def test_what_was_long_ago_counts_no_more() -> None:
    letters = DeadLetters()
    for _ in range(20):
        letters.note(readable=False)
    for _ in range(200):
        letters.note(readable=True)
    letters.note(readable=False)

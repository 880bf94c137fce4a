"""What happens in one run, drawn from its seed: values in, values out.

Kinds are dealt like cards: the deck is shuffled anew every `rounds` seeds, and each seed takes its hand. So a seed
alone says what it does, and a handful of seeds in a row holds every kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from deploy.chaos.kinds import FROM_THE_START, SERVER_KINDS, Kind

HAND = 5
"""Kinds a run is dealt from the deck."""
_EXTRA = (Kind.WORKER_KILLED, Kind.WORKER_PAUSED, Kind.ANSWERS_LOST, Kind.RESET_AFTER_ACCEPT, Kind.LATENCY_SPIKE)
"""One more of these is drawn for every run: the protocol's own business, in every company."""
_EARLIEST, _LATEST = 0.08, 0.72
"""Shares of a run's trading time within which faults begin."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: when it begins, seconds after the leaders do, and dice of its own."""

    kind: Kind
    at_s: float
    dice: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything drawn for a run."""

    seed: int
    strikes: Sequence[Strike]
    flat: bool
    """Whether the leaders close everything in the end."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """Return the kinds drawn."""
        return frozenset(strike.kind for strike in self.strikes)

    @property
    def offset_ms(self) -> int:
        """Return how far the venue's clock is ahead of the host's from the start."""
        signs = {Kind.CLOCK_AHEAD: -1, Kind.CLOCK_BEHIND: 1}
        return sum(signs[each.kind] * (2_000 + each.dice % 90_000) for each in self.strikes if each.kind in signs)


def rounds(kinds: Sequence[Kind]) -> int:
    """Return how many seeds in a row, from a multiple of it, hold every kind; each end of the server has its own."""
    return max(-(-len(kinds) // HAND), len(SERVER_KINDS & set(kinds)))


def draw(seed: int, seconds: float, kinds: Sequence[Kind] = tuple(Kind)) -> Plan:
    """Draw a run: the hand this seed is dealt from the deck, and one more fault unless the choice was narrowed."""
    count = rounds(kinds)
    deck = list(kinds)
    Random(f"deck {seed // count}").shuffle(deck)
    _keep_servers_apart(deck, count)
    hand = deck[seed % count :: count]
    random = Random(f"run {seed}")
    if set(_EXTRA) <= set(kinds):
        hand.append(random.choice(_EXTRA))
    strikes = [
        Strike(
            kind,
            0.0 if kind in FROM_THE_START else seconds * random.uniform(_EARLIEST, _LATEST),
            random.randrange(1 << 30),
        )
        for kind in hand
    ]
    return Plan(seed, sorted(strikes, key=lambda strike: strike.at_s), random.choice((True, False)))


def _keep_servers_apart(deck: list[Kind], count: int) -> None:
    """Deal at most one end of the server to a seed: positions that are equal modulo `count` are one hand."""
    taken: set[int] = set()
    for index in [place for place, kind in enumerate(deck) if kind in SERVER_KINDS]:
        free = (at for at, kind in enumerate(deck) if at % count not in taken and kind not in SERVER_KINDS)
        place = index if index % count not in taken else next(free)
        deck[index], deck[place] = deck[place], deck[index]
        taken.add(place % count)

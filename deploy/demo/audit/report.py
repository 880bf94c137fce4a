"""What an audit says: the figures, the findings, and what each word means."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Word(StrEnum):
    """The findings; one of any kind fails the audit."""

    LOST = "lost"
    DOUBLED = "doubled"
    MISORDERED = "misordered"
    UNTAGGED = "untagged"
    WRONG_SIZE = "wrong_size"
    STALE_CLOSES = "stale_closes"
    LEAKS = "leaks"
    UNNAMED = "unnamed"
    OTHER_SKIPS = "other_skips"


MEANINGS: Mapping[Word, str] = {
    Word.LOST: "fills neither copied nor rightly skipped",
    Word.DOUBLED: "sent twice, or beyond the follower's target",
    Word.MISORDERED: "orders that overtook one for an earlier fill",
    Word.UNTAGGED: "orders without the partner's tag",
    Word.WRONG_SIZE: "followers who hold other than their ratio asks",
    Word.STALE_CLOSES: "closes not made for being late: a close never is",
    Word.LEAKS: "secrets readable in logs, streams, metrics, files",
    Word.UNNAMED: "orders and skips named after nothing a leader did",
    Word.OTHER_SKIPS: "too many skips for reasons other than size",
}


SKIPS: Mapping[str, str] = {
    "below_minimum": "too small an order for the venue",
    "carried": "too small an order, kept for the next one",
    "netted": "undone by a later trade, or less than an order",
    "nothing_held": "a close of something the follower never held",
    "refused": "the venue said no",
    "stale": "an opening that came too late",
    "slippage": "the price had run past the follower's cap",
}
"""What the usual reasons of a skip mean."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: with whom, about what, and the numbers that show it."""

    word: Word
    said: str
    follower: str = ""
    inst_id: str = ""
    event: str = ""

    def __str__(self) -> str:
        where = " ".join(part for part in (self.follower, self.inst_id, self.event) if part)
        return f"{self.word}: {where + ': ' if where else ''}{self.said}"


@dataclass(frozen=True, slots=True)
class Report:
    """The audit's answer."""

    followers: int
    events: int
    copies: int
    kills: int
    in_doubt: int
    p50_ms: float
    p99_ms: float
    skips: Mapping[str, int]
    findings: Sequence[Finding]

    @property
    def clean(self) -> bool:
        """Tell whether nothing was found."""
        return not self.findings

    @property
    def counts(self) -> dict[Word, int]:
        """Return how many of each finding; of wrong sizes, how many followers have one."""
        counted = Counter(finding.word for finding in self.findings)
        followers = {each.follower for each in self.findings if each.word is Word.WRONG_SIZE}
        return {word: len(followers) if word is Word.WRONG_SIZE else counted[word] for word in Word}

    def as_json(self, most_findings: int = 20) -> dict[str, object]:
        """Return the report as plain values, with the first findings in words."""
        return {
            "followers": self.followers,
            "events": self.events,
            "copies": self.copies,
            **{word.value: count for word, count in self.counts.items()},
            "kills": self.kills,
            "in_doubt": self.in_doubt,
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "skips": dict(self.skips),
            "findings": [str(finding) for finding in self.findings[:most_findings]],
        }

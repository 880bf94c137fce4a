"""A portal in memory: the registry, the stream, and documents to bring to it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.portal.applicants import Applicant, Known, Member, Pair
from services.portal.document import read_enrolment
from services.portal.enrolling import ChangedMeanwhile, Enrolled, Enrolling
from services.portal.publishing import NotPublished, Publishing
from services.portal.subscribing import Subscribing
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Subscription
from shared.vault.credentials import ApiKey, TokenPair
from tests.support.clock import FakeClock
from tests.support.memory_store import MemorySubscriptions

SITES = ("www", "eea")


class MemoryRegistry:
    """enrolling.Registry; `meanwhile` lets somebody else write between a reading and a writing."""

    def __init__(self, subscriptions: MemorySubscriptions) -> None:
        self.members: dict[AccountId, Member] = {}
        self.secrets: dict[AccountId, TokenPair | ApiKey] = {}
        self.grants_put: list[AccountId] = []
        self.meanwhile: list[Subscription] = []
        self._subscriptions = subscriptions

    async def known(self) -> Known:
        kinds = {name: Applicant(self.members[name], secrets).grants for name, secrets in self.secrets.items()}
        stored: dict[Pair, Subscription] = {
            (each.follower, each.leader): each for each in await self._subscriptions.all()
        }
        return Known(dict(self.members), {name: kind for name, kind in kinds.items() if kind}, stored)

    async def around(self, follower: AccountId, leader: AccountId) -> Known:
        del follower, leader
        return await self.known()

    async def add(
        self,
        members: Sequence[Member],
        grants: Sequence[Applicant],
        subscriptions: Sequence[Subscription],
        now_ms: int,
    ) -> None:
        if self.meanwhile:
            await self._subscriptions.save([self.meanwhile.pop(0)], now_ms)
            raise ChangedMeanwhile("somebody else was faster")
        self.members |= {each.account: each for each in members}
        self.secrets |= {each.member.account: each.secrets for each in grants if each.secrets}
        self.grants_put += [each.member.account for each in grants]
        await self._subscriptions.save(subscriptions, now_ms)


@dataclass
class MemoryStream:
    """publishing.Announcer; takes each version once, and nothing while it is away."""

    entries: list[Subscription] = field(default_factory=list)
    away: bool = False

    async def announce(self, subscriptions: Sequence[Subscription]) -> int:
        if self.away:
            raise NotPublished("Redis cannot be reached")
        before = len(self.entries)
        self.entries = list(dict.fromkeys([*self.entries, *subscriptions]))
        return len(self.entries) - before


@dataclass
class House:
    """Everything a command works on."""

    subscriptions: MemorySubscriptions = field(default_factory=MemorySubscriptions)
    stream: MemoryStream = field(default_factory=MemoryStream)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.registry = MemoryRegistry(self.subscriptions)
        self.publishing = Publishing(self.subscriptions, self.stream, self.clock)
        self.subscribing = Subscribing(self.registry, self.publishing, self.clock)

    async def enrol(self, *, replace_grants: bool = False, **lists: Any) -> Enrolled:
        """Enrol a document; what is wrong with its form comes back as what is wrong with it."""
        enrolment, problems = read_enrolment(json.dumps(lists))
        if problems:
            return Enrolled(problems)
        return await Enrolling(self.registry, self.publishing, self.clock, SITES).enrol(enrolment, replace_grants)

    async def with_two(self) -> "House":
        """Let a whale in, and anna who follows it."""
        enrolled = await self.enrol(
            accounts=[leader("whale"), follower("anna")], subscriptions=[following("anna", "whale")]
        )
        assert enrolled.problems == ()
        return self


def leader(name: str, **more: Any) -> dict[str, Any]:
    """Spell a leader as a document does."""
    key = {"key": f"key-of-{name}", "secret": f"secret-of-{name}", "passphrase": f"phrase of {name}"}
    return {"account": name, "uid": f"uid-{name}", "leads": True, "position_mode": "net_mode", "api_key": key} | more


def follower(name: str, **more: Any) -> dict[str, Any]:
    """Spell a follower as a document does."""
    pair = {"access_token": f"access-of-{name}", "refresh_token": f"refresh-of-{name}", "expires_in_s": 3_600}
    return {"account": name, "uid": f"uid-{name}", "position_mode": "net_mode", "oauth": pair} | more


def following(follower: str, leader: str, **more: Any) -> dict[str, Any]:
    """Spell a subscription as a document does."""
    return {"follower": follower, "leader": leader, "ratio": "0.5"} | more

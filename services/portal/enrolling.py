"""USE CASE enrol: judge a whole document, store what is new of it, publish its subscriptions.

Nothing is stored if anything is wrong. What is stored already stays as it is: a grant may have been renewed since the
document was written, and a subscription paused; both have commands of their own. So repeating an enrolment changes
nothing, and one that was cut off is completed by repeating it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from services.portal.applicants import Applicant, Enrolment, Known, Member
from services.portal.checking import check
from services.portal.publishing import Publishing
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Problem, Subscription
from shared.ports import Clock


class ChangedMeanwhile(Exception):
    """Somebody else wrote a subscription between our reading and our writing; read and judge again."""


class Registry(Protocol):
    """Everything stored of accounts, grants and subscriptions."""

    async def known(self) -> Known:
        """Return all of it but the secrets."""

    async def around(self, follower: AccountId, leader: AccountId) -> Known:
        """Return what a subscription is judged by: both accounts, and whom they follow, through however many others."""

    async def add(
        self,
        members: Sequence[Member],
        grants: Sequence[Applicant],
        subscriptions: Sequence[Subscription],
        now_ms: int,
    ) -> None:
        """Write accounts, then sealed grants, then subscriptions.

        Raises:
            ChangedMeanwhile: somebody else wrote a subscription since `known`.
        """


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What came of an enrolment: either problems, or how many were new."""

    problems: Sequence[Problem] = ()
    accounts: int = 0
    grants: int = 0
    subscriptions: int = 0
    published: int = 0
    differing: int = 0
    """Subscriptions that exist with other settings and were left as they are."""


class Enrolling:
    """Lets accounts in."""

    def __init__(self, registry: Registry, publishing: Publishing, clock: Clock, sites: Collection[str]) -> None:
        self._registry, self._publishing, self._clock, self._sites = registry, publishing, clock, sites

    async def enrol(self, enrolment: Enrolment, replace_grants: bool = False) -> Enrolled:
        """Store what is new and publish; with `replace_grants` new consents take the place of stored ones.

        Raises:
            NotPublished: everything is stored; `republish` completes it.
        """
        known = await self._registry.known()
        judged = Known(known.members, {}, known.subscriptions) if replace_grants else known
        problems = check(enrolment, judged, self._sites)
        if problems:
            return Enrolled(problems)
        members = [
            each.member for each in enrolment.applicants if known.members.get(each.member.account) != each.member
        ]
        grants = [each for each in enrolment.applicants if each.secrets and each.member.account not in judged.grants]
        stored = known.subscriptions
        new = [each for each in enrolment.subscriptions if (each.follower, each.leader) not in stored]
        await self._registry.add(members, grants, new, self._clock.now_ms())
        published = await self._publishing.publish_waiting()
        return Enrolled((), len(members), len(grants), len(new), published, _differing(enrolment, known))


def _differing(enrolment: Enrolment, known: Known) -> int:
    pairs = ((known.subscriptions.get((each.follower, each.leader)), each) for each in enrolment.subscriptions)
    return sum(stored is not None and replace(stored, version=each.version) != each for stored, each in pairs)

"""USE CASE change one subscription: create, change, pause, resume, end.

Each change is a new version, stored and then published.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from services.portal.applicants import Known
from services.portal.checking import check_subscriptions
from services.portal.enrolling import ChangedMeanwhile, Registry
from services.portal.publishing import Publishing
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Ending, FixedRatio, Problem, Subscription, SubscriptionState
from shared.ports import Clock

_TRIES = 3
"""Reads and writes before somebody who changes the same subscription all the time is left alone."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of a change: problems, or the subscription as it is now, and whether that is a new version."""

    problems: Sequence[Problem] = ()
    subscription: Subscription | None = None
    new: bool = False
    published: int = 0


class Subscribing:
    """Changes subscriptions one at a time."""

    def __init__(self, registry: Registry, publishing: Publishing, clock: Clock) -> None:
        self._registry, self._publishing, self._clock = registry, publishing, clock

    async def change(self, follower: AccountId, leader: AccountId, settings: Mapping[str, Any]) -> Changed:
        """Give a subscription these settings, keeping the others; one that does not exist is made and needs a ratio.

        Settings that are in force already make no new version, so a repeat changes nothing.

        Raises:
            ChangedMeanwhile: others kept changing it too.
            NotPublished: the version is stored; `republish` completes it.
        """
        for _ in range(_TRIES - 1):
            try:
                return await self._change(follower, leader, settings)
            except ChangedMeanwhile:
                continue
        return await self._change(follower, leader, settings)

    async def _change(self, follower: AccountId, leader: AccountId, settings: Mapping[str, Any]) -> Changed:
        known = await self._registry.around(follower, leader)
        stored = known.subscriptions.get((follower, leader))
        if stored is None and "ratio" not in settings:
            return Changed(
                [Problem("ratio", "", "add it: the subscription does not exist yet, and has no other default")]
            )
        wanted = with_settings(stored or blank(follower, leader), settings)
        if wanted == stored:
            return Changed((), stored, published=await self._publishing.publish_waiting())
        problems = list(check_subscriptions([wanted], _without(known, wanted)))
        if problems and not _only_stops(stored, wanted):
            return Changed(problems)
        made = replace(wanted, version=wanted.version + 1)
        await self._registry.add([], [], [made], self._clock.now_ms())
        return Changed((), made, True, await self._publishing.publish_waiting())


def blank(follower: AccountId, leader: AccountId, ratio: Decimal = Decimal(0)) -> Subscription:
    """Return what a new subscription starts from: version 0 is stored nowhere, and its ratio is to be replaced."""
    return Subscription(follower, leader, 0, SubscriptionState.ACTIVE, FixedRatio(ratio))


def with_settings(subscription: Subscription, settings: Mapping[str, Any]) -> Subscription:
    """Return a subscription with these settings and its others kept."""
    rest = {name: value for name, value in settings.items() if name != "ratio"}
    sizing = FixedRatio(settings["ratio"]) if "ratio" in settings else subscription.sizing
    wanted = replace(subscription, sizing=sizing, **rest)
    return wanted if wanted.state is SubscriptionState.ENDED else replace(wanted, ending=Ending.KEEP)


def _without(known: Known, changed: Subscription) -> Known:
    others = {pair: each for pair, each in known.subscriptions.items() if pair != (changed.follower, changed.leader)}
    return replace(known, subscriptions=others)


def _only_stops(stored: Subscription | None, wanted: Subscription) -> bool:
    """Tell whether a change lets less through and alters nothing else: that must always be possible."""
    if stored is None or wanted.state is SubscriptionState.ACTIVE:
        return False
    return replace(wanted, state=stored.state, ending=stored.ending) == stored

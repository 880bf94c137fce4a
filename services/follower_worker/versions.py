"""Which version of a subscription is in force: values of a lane. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from services.follower_worker.flights import StrandKey
from shared.domain.fills import TradeEvent
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Subscription
from shared.messages.entries import SubscriptionV1, read_subscription


class Versions:
    """The newest version of each subscription of a lane, and the one before it."""

    def __init__(self) -> None:
        self._by_leader: dict[AccountId, dict[AccountId, Subscription]] = defaultdict(dict)
        self._replaced: dict[tuple[AccountId, AccountId], Subscription] = {}

    def put(self, message: SubscriptionV1) -> bool:
        """Put a version in force unless a newer one is; tells whether it did."""
        subscription = read_subscription(message)
        pair = subscription.follower, subscription.leader
        known = self._by_leader[subscription.leader].get(subscription.follower)
        if known is not None and subscription.version <= known.version:
            return False
        self._by_leader[subscription.leader][subscription.follower] = subscription
        if known is not None:
            self._replaced[pair] = known
        elif message.before:
            self._replaced[pair] = read_subscription(message.before)
        return True

    def replaced(self, message: SubscriptionV1) -> Subscription | None:
        """Return the version before the newest of a message's subscription."""
        return self._replaced.get((AccountId(message.follower), AccountId(message.leader)))

    def newest(self, key: StrandKey) -> Subscription:
        """Return the settings in force for a strand."""
        return self._by_leader[key.leader][key.follower]

    def in_force(self, newest: Subscription, event: TradeEvent, since_ms: int) -> Subscription:
        """Return the version an event is copied under: the newest, as the stream orders them.

        Of events that a forgetful server is given back (not after `since_ms`) the stream's order says nothing: there
        time decides.
        """
        if event.at_ms > since_ms or newest.made_ms <= event.at_ms:
            return newest
        return self._replaced.get((newest.follower, newest.leader), newest)

    def followers(self) -> Iterator[AccountId]:
        """Yield every follower, once per subscription."""
        for subscriptions in self._by_leader.values():
            yield from subscriptions

    def rotated(self, event: TradeEvent) -> Iterable[tuple[AccountId, Subscription]]:
        """Return who follows the leader of an event, beginning with another one each time: nobody is always last."""
        everyone = list(self._by_leader.get(event.leader, {}).items())
        if not everyone:
            return everyone
        start = hash(event.id) % len(everyone)
        return everyone[start:] + everyone[:start]

"""Circles among subscriptions, judged over accounts that could both lead and follow."""

from services.portal.applicants import Known, Member
from services.portal.checking import check_subscriptions
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Subscription, SubscriptionState
from tests.support.builders import subscription

NAMES = [AccountId(name) for name in "abcd"]
ENDED = SubscriptionState.ENDED


def _known(*stored: Subscription) -> Known:
    members = {name: Member(name, "www", f"uid-{name}", f"uid-{name}", True, "2", "net_mode", "") for name in NAMES}
    return Known(members, {}, {(each.follower, each.leader): each for each in stored})


def _refused(wanted: list[Subscription], *stored: Subscription) -> list[str]:
    return [problem.field for problem in check_subscriptions(wanted, _known(*stored))]


def _follows(follower: str, leader: str, state: SubscriptionState = SubscriptionState.ACTIVE) -> Subscription:
    return subscription(follower=follower, leader=leader, state=state)


def test_a_circle_within_a_document_is_refused_where_it_closes() -> None:
    wanted = [_follows("a", "b"), _follows("b", "c"), _follows("c", "a")]
    assert _refused(wanted) == ["subscriptions.c.a.leader"]


def test_a_circle_with_what_is_stored_is_refused() -> None:
    assert _refused([_follows("c", "a")], _follows("a", "b"), _follows("b", "c")) == ["subscriptions.c.a.leader"]


def test_an_ended_subscription_closes_no_circle() -> None:
    """Neither one that is stored nor one that is being ended."""
    assert _refused([_follows("b", "a")], _follows("a", "b", ENDED)) == []
    assert _refused([_follows("b", "a", ENDED)], _follows("a", "b")) == []
    assert _refused([_follows("a", "b", ENDED), _follows("b", "a")]) == []


def test_following_oneself_is_told_once() -> None:
    assert _refused([_follows("a", "a")]) == ["subscriptions.a.a.leader"]

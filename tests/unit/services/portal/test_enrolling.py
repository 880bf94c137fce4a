"""Enrolling: all or nothing, once, and in the stream."""

from typing import Any

import pytest

from services.portal.publishing import NotPublished
from shared.domain.ids import AccountId
from shared.vault.credentials import TokenPair
from shared.vault.secret import Secret
from tests.unit.services.portal.house import House, follower, following, leader


async def test_an_enrolment_is_stored_and_published() -> None:
    house = House()
    enrolled = await house.enrol(
        accounts=[leader("whale"), follower("anna"), follower("bert")],
        subscriptions=[following("anna", "whale"), following("bert", "whale", ratio=2)],
    )

    assert (enrolled.accounts, enrolled.grants, enrolled.subscriptions, enrolled.published) == (3, 3, 2, 2)
    assert [(each.follower, each.version) for each in house.stream.entries] == [("anna", 1), ("bert", 1)]
    assert await house.subscriptions.unpublished() == []
    pair = house.registry.secrets[AccountId("anna")]
    assert pair == TokenPair(Secret("access-of-anna"), Secret("refresh-of-anna"), 3_600_000)


async def test_repeating_an_enrolment_changes_nothing() -> None:
    house = await House().with_two()
    again = await house.enrol(accounts=[leader("whale"), follower("anna")], subscriptions=[following("anna", "whale")])

    assert (again.accounts, again.grants, again.subscriptions, again.published, again.differing) == (0, 0, 0, 0, 0)
    assert house.registry.grants_put == ["whale", "anna"]
    assert len(house.stream.entries) == 1


async def test_a_stored_grant_outlives_an_older_document() -> None:
    """Its tokens may have been renewed since: those of the document are dead then."""
    house = await House().with_two()
    house.registry.secrets[AccountId("anna")] = renewed = TokenPair(Secret("renewed-access"), Secret("renewed"), 1)
    await house.enrol(accounts=[follower("anna", label="Anna")])

    assert house.registry.secrets[AccountId("anna")] == renewed
    assert house.registry.members[AccountId("anna")].label == "Anna"


async def test_a_new_consent_takes_the_place_of_the_old_on_request() -> None:
    house = await House().with_two()
    pair = {"access_token": "another-access", "refresh_token": "another-refresh", "expires_in_s": 60}
    enrolled = await house.enrol(accounts=[follower("anna", oauth=pair)], replace_grants=True)

    assert enrolled.grants == 1
    assert house.registry.secrets[AccountId("anna")] == TokenPair(
        Secret("another-access"), Secret("another-refresh"), 60_000
    )


async def test_an_account_enrolled_before_may_come_without_its_grant() -> None:
    house = await House().with_two()
    known = follower("anna", label="x")
    del known["oauth"]
    enrolled = await house.enrol(accounts=[known])
    assert (enrolled.problems, enrolled.accounts, enrolled.grants) == ((), 1, 0)


async def test_a_subscription_that_exists_is_left_as_it_is() -> None:
    """Somebody may have paused it; a document that is run again must not wake it."""
    house = await House().with_two()
    enrolled = await house.enrol(subscriptions=[following("anna", "whale", ratio=3)])
    assert (enrolled.subscriptions, enrolled.differing) == (0, 1)
    assert [each.sizing.ratio for each in await house.subscriptions.all()] == [pytest.approx(0.5)]


async def test_a_stream_that_is_away_is_made_up_for() -> None:
    """Stored is stored; whoever publishes next brings it into the stream, once."""
    house = House()
    house.stream.away = True
    with pytest.raises(NotPublished):
        await house.with_two()
    house.stream.away = False

    assert await house.publishing.publish_waiting() == 1
    assert await house.publishing.publish_waiting() == 0
    assert len(house.stream.entries) == 1


async def test_a_crash_between_stream_and_mark_publishes_nothing_twice() -> None:
    house = House()
    house.stream.away = True
    with pytest.raises(NotPublished):
        await house.with_two()
    house.stream.away = False
    (waiting,) = await house.subscriptions.unpublished()
    await house.stream.announce([waiting])

    assert await house.publishing.publish_waiting() == 0
    assert await house.subscriptions.unpublished() == []


async def test_after_redis_was_lost_everything_is_published_again() -> None:
    house = await House().with_two()
    house.stream.entries.clear()
    assert await house.publishing.publish_all() == 1
    assert await house.publishing.publish_all() == 0


async def test_many_are_published_whole() -> None:
    """More than are marked at a time."""
    house, names = House(), [f"f{number}" for number in range(2_500)]
    enrolled = await house.enrol(
        accounts=[leader("whale"), *map(follower, names)], subscriptions=[following(name, "whale") for name in names]
    )
    assert enrolled.published == len(house.stream.entries) == 2_500


# ---- what is refused

WHALE, ANNA = leader("whale"), follower("anna")


@pytest.mark.parametrize(
    ("lists", "field", "value"),
    [
        ({"accounts": [WHALE, WHALE]}, "accounts.whale", "whale"),
        ({"accounts": [ANNA, follower("other", uid="uid-anna")]}, "accounts.other.uid", "uid-anna"),
        ({"accounts": [follower("anna", site="tr")]}, "accounts.anna.site", "tr"),
        ({"accounts": [follower("bert", oauth=None)]}, "accounts.bert", "bert"),
        ({"accounts": [follower("anna", leads=True)]}, "accounts.anna.leads", "true"),
        ({"subscriptions": [following("anna", "nobody")]}, "subscriptions.anna.nobody.leader", "nobody"),
        ({"subscriptions": [following("nobody", "whale")]}, "subscriptions.nobody.whale.follower", "nobody"),
        (
            {"accounts": [WHALE], "subscriptions": [following("whale", "whale")]},
            "subscriptions.whale.whale.leader",
            "whale",
        ),
        ({"subscriptions": [following("anna", "whale", ratio=0)]}, "subscriptions.anna.whale.ratio", "0"),
        ({"subscriptions": [following("anna", "whale", slippage_cap=1)]}, "subscriptions.anna.whale.slippage_cap", "1"),
        ({"subscriptions": [following("anna", "whale")] * 2}, "subscriptions.anna.whale", "whale"),
        (
            {"accounts": [leader("twin", main_uid="uid-anna")], "subscriptions": [following("anna", "twin")]},
            "subscriptions.anna.twin.leader",
            "twin",
        ),
        (
            {"accounts": [leader("quiet", leads=False)], "subscriptions": [following("anna", "quiet")]},
            "subscriptions.anna.quiet.leader",
            "quiet",
        ),
        (
            {
                "accounts": [follower("bert", position_mode="long_short_mode")],
                "subscriptions": [following("bert", "whale")],
            },
            "subscriptions.bert.whale.position_mode",
            "long_short_mode",
        ),
        (
            {"accounts": [follower("bert", position_mode="")], "subscriptions": [following("bert", "whale")]},
            "subscriptions.bert.whale.position_mode",
            "not known",
        ),
        (
            {
                "accounts": [leader("hedger", position_mode="long_short_mode")],
                "subscriptions": [following("anna", "hedger")],
            },
            "subscriptions.anna.hedger.position_mode",
            "long_short_mode",
        ),
        (
            {"accounts": [follower("bert", account_level="1")], "subscriptions": [following("bert", "whale")]},
            "subscriptions.bert.whale.follower",
            "bert",
        ),
        ({"accounts": [leader("anna")]}, "accounts.anna.api_key", "***"),
        ({"accounts": [follower("anna", uid="other")]}, "accounts.anna.uid", "other"),
    ],
)
async def test_what_cannot_work_is_refused_and_nothing_is_stored(lists: dict[str, Any], field: str, value: str) -> None:
    """Together with a newcomer who is in order: not even that one is let in."""
    house = await House().with_two()
    before = (dict(house.registry.members), await house.subscriptions.all())
    newcomer = follower("newcomer")
    lists = lists | {"accounts": [newcomer, *lists.get("accounts", [])]}
    enrolled = await house.enrol(**lists)

    assert (field, value) in [(problem.field, problem.value) for problem in enrolled.problems]
    assert all(len(problem.remedy.split()) >= 3 for problem in enrolled.problems)
    assert (dict(house.registry.members), await house.subscriptions.all()) == before
    assert len(house.stream.entries) == 1


async def test_a_circle_is_refused_wherever_it_closes() -> None:
    """No account both leads by key and follows by OAuth yet, so it never comes alone; it is told all the same."""
    house = House()
    names = ("a", "b", "c")
    enrolled = await house.enrol(
        accounts=[leader(name) for name in names],
        subscriptions=[following("a", "b"), following("b", "c"), following("c", "a")],
    )
    assert "subscriptions.c.a.leader" in [problem.field for problem in enrolled.problems]

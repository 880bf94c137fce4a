"""Keys of one installation share one hash tag and meet no other installation's."""

from shared.bus.keys import Keys
from shared.domain.ids import AccountId
from shared.domain.lanes import Lane


def spelled(installation: str) -> list[str]:
    keys, leader = Keys(installation), AccountId("leader")
    fixed = [keys.settled_at_installation, keys.trades, keys.outcomes, keys.dead, keys.workers, keys.epoch, keys.grants]
    return [*fixed, keys.leader(leader), keys.published(leader), keys.lane(Lane(3)), keys.lease(Lane(3))]


def test_every_key_carries_the_installations_hash_tag() -> None:
    assert all(key.startswith("{one}:") for key in spelled("one"))


def test_no_two_keys_are_the_same() -> None:
    every = spelled("one") + spelled("two")
    assert len(set(every)) == len(every)


def test_lanes_are_spelled_so_that_they_sort() -> None:
    keys = Keys("one")
    assert sorted(keys.lane(Lane(number)) for number in (10, 2, 1)) == [keys.lane(Lane(n)) for n in (1, 2, 10)]

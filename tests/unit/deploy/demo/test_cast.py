"""Who takes part, and that their secrets can be recognised wherever they turn up."""

import json
import re
from decimal import Decimal

from deploy.demo.cast import INSTRUMENTS, SECRET_SHAPE, SHORTEST_LIFE_S, make_cast
from deploy.demo.enrolment import enrolment_of
from services.portal.document import read_enrolment


def test_sizes_and_choices_repeat_and_secrets_never_do() -> None:
    first, second = make_cast(50, 60, 1), make_cast(50, 60, 1)
    assert first.subscriptions == second.subscriptions
    assert first.subscriptions != make_cast(50, 60, 2).subscriptions
    assert {each.access for each in first.followers}.isdisjoint(each.access for each in second.followers)


def test_everyone_follows_and_nobody_meets_two_leaders_on_one_instrument() -> None:
    cast = make_cast(200, 60, 1)
    instrument_of = {leader.account: leader.inst_id for leader in cast.leaders}
    assert tuple(instrument_of.values()) == INSTRUMENTS
    for follower in cast.followers:
        followed = [instrument_of[each.leader] for each in follower.subscriptions]
        assert len(followed) == len(set(followed)) >= 1
    assert {each.leader for each in cast.subscriptions} == set(instrument_of)


def test_ratios_policies_caps_and_lives_differ() -> None:
    cast = make_cast(300, 60, 1)
    assert {each.below_minimum for each in cast.subscriptions} == {"skip", "round_up", "carry"}
    assert min(each.ratio for each in cast.subscriptions) < Decimal("0.004")
    assert {each.slippage_cap is None for each in cast.subscriptions} == {True, False}
    short = [each.lives_s for each in cast.followers if each.lives_s < 1_000]
    assert SHORTEST_LIFE_S <= min(short) < max(short)


def test_every_secret_has_the_shape_that_is_searched_for() -> None:
    cast, shape = make_cast(5, 60, 1), re.compile(SECRET_SHAPE)
    secrets = [
        cast.client_secret,
        *(word for each in cast.leaders for word in (each.api_key, each.secret, each.passphrase)),
    ]
    secrets += [word for each in cast.followers for word in (each.access, each.refresh)]
    assert all(shape.fullmatch(secret.encode()) for secret in secrets)
    assert not any(shape.search(each.account.encode() + each.uid.encode()) for each in cast.followers)


def test_the_enrolment_command_takes_the_document() -> None:
    cast = make_cast(20, 60, 1)
    enrolment, problems = read_enrolment(json.dumps(enrolment_of(cast)))
    assert problems == []
    assert len(enrolment.applicants) == 23
    assert [(each.follower, each.sizing.ratio) for each in enrolment.subscriptions] == [
        (each.follower, each.ratio) for each in cast.subscriptions
    ]

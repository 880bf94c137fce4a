from typing import Any

import pytest

from services.okx_simulator.venue.accounts import Account
from services.okx_simulator.venue.instruments import Market
from services.okx_simulator.venue.tickets import ticket_of
from services.okx_simulator.wire.refusals import Refused

SWAP = {"instId": "BTC-USDT-SWAP", "tdMode": "cross", "side": "buy", "ordType": "market", "sz": "0.03"}
LIMIT = {**SWAP, "ordType": "limit", "px": "60000"}
SPOT = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "market", "sz": "100"}


def refusal_of(members: dict[str, Any], account: Account | None = None, **market: object) -> tuple[str, str]:
    venue = Market(0)
    if market:
        venue.upsert({"instId": members["instId"], **market})
    with pytest.raises(Refused) as caught:
        ticket_of(members, account or Account("1"), venue.by_id)
    return caught.value.code, caught.value.text


@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        ({"instId": ""}, "50014", "instId"),
        ({"instId": "DOGE-USDT-SWAP"}, "51001", ""),
        ({"tdMode": ""}, "50014", "tdMode"),
        ({"tdMode": "cash"}, "51000", "tdMode"),
        ({"side": "hold"}, "51000", "side"),
        ({"posSide": "long"}, "51000", "posSide"),
        ({"ordType": ""}, "50014", "ordType"),
        ({"ordType": "iceberg"}, "51000", "ordType"),
        ({"sz": ""}, "50014", "sz"),
        ({"sz": "-1"}, "51000", "sz"),
        ({"sz": 1}, "51000", "sz"),
        ({"sz": "0.035"}, "51121", ""),
        ({"sz": "0.001"}, "51020", ""),
        ({"sz": "12000.01"}, "51202", ""),
        ({"clOrdId": "with-hyphen"}, "51000", "clOrdId"),
        ({"clOrdId": "a" * 33}, "51000", "clOrdId"),
        ({"tag": "a" * 17}, "51000", "tag"),
        ({"tag": "Überweg"}, "51000", "tag"),
        ({"reduceOnly": "yes"}, "51000", "reduceOnly"),
    ],
)
def test_a_wrong_member_meets_its_code(change: dict[str, Any], code: str, named: str) -> None:
    got, text = refusal_of({**SWAP, **change})
    assert (got, named in text) == (code, True)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"px": ""}, "50014"),
        ({"px": "60000.05"}, "51000"),
        ({"px": "63000.1"}, "51006"),
        ({"side": "sell", "px": "56999.9"}, "51006"),
        ({"sz": "100000000.01"}, "51203"),
    ],
)
def test_a_limit_is_held_to_tick_band_and_maximum(change: dict[str, Any], code: str) -> None:
    assert refusal_of({**LIMIT, **change})[0] == code


def test_the_price_refusal_carries_the_bounds() -> None:
    assert "max buy price: 63000 min sell price: 57000" in refusal_of({**LIMIT, "px": "70000"})[1]


def test_a_limit_far_on_the_passive_side_is_taken() -> None:
    assert ticket_of({**LIMIT, "px": "1000"}, Account("1"), Market(0).by_id).px == 1000


@pytest.mark.parametrize("state", ["suspend", "rebase", "settling", "test"])
def test_nothing_is_taken_outside_live(state: str) -> None:
    assert refusal_of(SWAP, state=state)[0] == "51022"


def test_only_post_only_is_taken_while_the_instrument_is_post_only() -> None:
    assert refusal_of(SWAP, state="post_only")[0] == "51124"
    market = Market(0)
    market.upsert({"instId": "BTC-USDT-SWAP", "state": "post_only"})
    assert ticket_of({**LIMIT, "ordType": "post_only"}, Account("1"), market.by_id).ord_type == "post_only"


@pytest.mark.parametrize("pos_side", ["", "net"])
def test_long_short_mode_wants_a_side(pos_side: str) -> None:
    account = Account("1", pos_mode="long_short_mode")
    code, text = refusal_of({**SWAP, "posSide": pos_side}, account)
    assert (code, text) == ("51000", "Parameter posSide error")


def test_a_spot_account_has_no_swaps() -> None:
    assert refusal_of(SWAP, Account("1", acct_lv="1"))[0] == "51010"


def test_a_spot_market_order_is_capped_in_quote() -> None:
    assert refusal_of({**SPOT, "sz": "1000001"})[0] == "51201"
    assert refusal_of({**SPOT, "tgtCcy": "base_ccy"})[0] == "51201"


def test_unknown_members_are_ignored_like_at_the_venue() -> None:
    assert ticket_of({**SWAP, "attachedAlgoOrd": []}, Account("1"), Market(0).by_id).sz > 0


@pytest.mark.parametrize(("given", "meant"), [(True, True), ("true", True), (False, False), ("", False), (None, False)])
def test_reduce_only_is_read_as_boolean_or_word(given: object, meant: bool) -> None:
    assert ticket_of({**SWAP, "reduceOnly": given}, Account("1"), Market(0).by_id).reduce_only is meant

"""What an answer to an order means. Unknown is not refused, and refused is not unknown."""

from decimal import Decimal

import msgspec
import pytest

from shared.domain.instruments import Side
from shared.domain.outcomes import (
    Accepted,
    Category,
    NotPlaced,
    OrderReport,
    OrderState,
    Placement,
    Postponement,
    Refused,
    Unknown,
)
from shared.domain.quantities import Contracts, Price
from shared.okx import errors, models
from shared.okx.answers import failure, read_items, read_order, read_placement
from shared.okx.protocol import Response
from tests.unit.shared.okx.scripted import BTC, NAME, ORDER_ID, payload, recorded, spoken

TAG = "ABCDEF0123456789"
"""As the answers repeat it, refused or not."""


@pytest.mark.parametrize(
    ("name", "placement"),
    [
        ("rest_order_accepted", Accepted(ORDER_ID, 1_751_000_000_499)),
        (
            "rest_order_insufficient_funds",
            Refused("51008", "1000", Category.FUNDS, "Order failed. Insufficient USDT balance in account", TAG),
        ),
        (
            "rest_order_refused_though_code_0",
            Refused("51121", "", Category.PARAMETER, "Order quantity must be a multiple of the lot size.", TAG),
        ),
        ("rest_order_duplicate", Unknown("duplicate: Duplicated client order ID", "51016")),
        ("rest_order_expired", NotPlaced(Postponement.EXPIRED, "50037")),
        ("rest_order_throttled", NotPlaced(Postponement.THROTTLED, "50011")),
        ("rest_order_sub_account_cap", NotPlaced(Postponement.THROTTLED, "50061")),
        ("rest_order_unknown_key", Refused("50119", "", Category.GRANT_DEAD, "API key doesn't exist")),
        ("rest_order_token_expired", NotPlaced(Postponement.UNAUTHORISED, "53002")),
        ("rest_order_parameter_error", Refused("51000", "", Category.PARAMETER, "Parameter sz error")),
    ],
)
def test_what_became_of_an_order(name: str, placement: Placement) -> None:
    assert read_placement(recorded(name), NAME) == placement


def item(**members: object) -> dict[str, object]:
    return {**payload("rest_order_accepted")["data"][0], **members}


@pytest.mark.parametrize(
    "response",
    [
        recorded("rest_order_timed_out"),
        Response(502, b"<html>Bad Gateway</html>"),
        Response(200, b""),
        Response(200, b"\xff\xfe"),
        Response(200, b'{"code":"0","msg":"","data":['),
        spoken({"code": "0", "msg": "", "data": []}),
        spoken({"code": "1", "msg": "All operations failed", "data": []}),
        spoken({"code": "2", "msg": "", "data": []}),
        spoken({"code": "99999", "msg": "who knows", "data": []}, 400),
        spoken({"code": "50011", "msg": "Too Many Requests"}, 503),
        spoken({"code": "50004", "msg": "", "data": []}, 400),
        spoken({"code": "50001", "msg": "", "data": []}, 503),
        spoken({"code": "50013", "msg": "", "data": []}, 429),
        spoken({"code": "1", "data": [item(sCode="51149", sMsg="timed out", ordId="")]}),
        spoken({"code": "0", "data": [item(clOrdId="another")]}),
        spoken({"code": "1", "data": [item(clOrdId="another", sCode="51008")]}),
        spoken({"code": "0", "data": [item(clOrdId="")]}),
        spoken({"code": "0", "data": [item(ordId="")]}),
        spoken({"code": "0", "data": [item(), item()]}),
        spoken({"code": "0", "data": [{"clOrdId": NAME}]}),
        spoken({"code": "0", "data": "later"}),
        spoken([]),
        spoken("0"),
    ],
)
def test_an_order_that_may_exist_is_unknown(response: Response) -> None:
    assert isinstance(read_placement(response, NAME), Unknown)


def test_an_item_governs_over_envelope_and_status() -> None:
    assert read_placement(spoken({"code": "1", "data": [item()]}, 500), NAME) == Accepted(ORDER_ID, 1_751_000_000_499)
    refused = spoken({"code": "0", "data": [item(sCode="51020", sMsg="too small")]}, 500)
    assert read_placement(refused, NAME) == Refused("51020", "", Category.PARAMETER, "too small", TAG)


def test_a_code_nobody_documented_is_definitive_only_from_an_item() -> None:
    in_item = spoken({"code": "1", "data": [item(sCode="59999", sMsg="new rule")]})
    assert read_placement(in_item, NAME) == Refused("59999", "", Category.OTHER, "new rule", TAG)
    in_envelope = spoken({"code": "59999", "msg": "new rule", "data": []})
    assert isinstance(read_placement(in_envelope, NAME), Unknown)


def test_a_bare_integer_code_and_a_strange_time_do_no_harm() -> None:
    assert read_placement(spoken({"code": 50011, "msg": ""}, 429), NAME) == NotPlaced(Postponement.THROTTLED, "50011")
    assert read_placement(spoken({"code": 0, "data": [item(ts="soon")]}), NAME) == Accepted(ORDER_ID, 0)


def test_a_filled_order_is_reported_exactly() -> None:
    assert read_order(recorded("rest_order_details_filled"), BTC, NAME) == OrderReport(
        cl_ord_id=NAME,
        order_id=ORDER_ID,
        side=Side.BUY,
        state=OrderState.FILLED,
        size=Contracts(Decimal("0.03")),
        filled=Contracts(Decimal("0.03")),
        average=Price(Decimal("61234.5333333333333333")),
        fee=Decimal("-0.009185"),
        fee_currency="USDT",
        updated_ms=1_751_000_000_504,
    )


def test_a_cancelled_ioc_may_have_filled_in_part() -> None:
    report = read_order(recorded("rest_order_details_ioc_partly"), BTC, NAME)
    assert report
    assert (report.done, report.filled, report.state) == (True, Decimal("0.01"), OrderState.CANCELED)


def test_an_order_without_fills_has_no_average() -> None:
    report = read_order(recorded("rest_order_details_live"), BTC, NAME)
    assert report
    assert (report.done, report.filled, report.average) == (False, Decimal(0), None)


def test_an_absent_order_is_none() -> None:
    assert read_order(recorded("rest_order_details_absent"), BTC, NAME) is None


def details(**members: object) -> Response:
    body = payload("rest_order_details_filled")
    return spoken({**body, "data": [{**body["data"][0], **members}]})


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (Response(502, b"<html>"), errors.Unreadable),
        (spoken({"code": "51603", "msg": "", "data": []}, 503), errors.Unanswered),
        (spoken({"code": "0", "msg": "", "data": []}), errors.Unanswered),
        (spoken({"code": "50011", "msg": ""}, 429), errors.Throttled),
        (spoken({"code": "53000", "msg": "", "data": []}, 401), errors.Unauthorised),
        (spoken({"code": "50120", "msg": "", "data": []}), errors.Refused),
        (details(clOrdId="another"), errors.Unreadable),
        (spoken({"code": "0", "data": payload("rest_order_details_filled")["data"] * 2}), errors.Unreadable),
        (details(instId="ETH-USDT-SWAP"), errors.Unreadable),
        (details(state="dreaming"), errors.Unreadable),
        (details(accFillSz="NaN"), errors.Unreadable),
        (details(sz="1,5"), errors.Unreadable),
        (details(sz=3), errors.Unreadable),
        (details(uTime="now"), errors.Unreadable),
    ],
)
def test_an_answer_that_is_neither_an_order_nor_its_absence_is_an_error(
    response: Response, error: type[errors.OkxError]
) -> None:
    with pytest.raises(error) as caught:
        read_order(response, BTC, NAME)
    assert type(caught.value) is error


TIMES = msgspec.json.Decoder(models.Reply[models.ServerTime])


def test_items_of_a_success_are_read() -> None:
    assert read_items(recorded("rest_time"), TIMES) == [models.ServerTime("1751000000702")]


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (spoken({"code": "0", "data": [{"t": "1"}]}), errors.Unreadable),
        (spoken({"code": "50011", "data": [{"t": "1"}]}), errors.Throttled),
        (spoken({"code": "50011", "data": []}), errors.Throttled),
        (spoken({"code": "0", "data": [{"ts": "1"}]}, 500), errors.Unanswered),
        (Response(200, b"<html>"), errors.Unreadable),
    ],
)
def test_items_of_anything_else_are_an_error(response: Response, error: type[errors.OkxError]) -> None:
    with pytest.raises(error):
        read_items(response, TIMES)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (200, "51001", errors.Refused),
        (400, "59999", errors.Refused),
        (500, "51001", errors.Unanswered),
        (200, "50026", errors.Unanswered),
        (200, "0", errors.Unanswered),
        (429, "50011", errors.Throttled),
        (401, "50114", errors.Unauthorised),
    ],
)
def test_a_failure_is_sorted_by_what_may_be_done_next(status: int, code: str, error: type[errors.OkxError]) -> None:
    assert type(failure(status, code, "words")) is error

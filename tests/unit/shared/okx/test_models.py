import msgspec
import pytest

from shared.okx import frames, models
from shared.okx.documented import DOCUMENTED, undocumented
from tests.unit.shared.okx.scripted import payload


def test_what_a_model_does_not_know_is_named_down_to_its_parts() -> None:
    body = payload("rest_balance")["data"][0]
    body["newTotal"] = "1"
    body["details"][0]["newPart"] = "2"
    assert sorted(models.strangers(body, models.Balance)) == ["details.newPart", "newTotal"]


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("rest_order_details_filled", models.Order),
        ("rest_fills_page", models.Fill),
        ("rest_instruments_swap", models.Instrument),
        ("ws_orders_fill", frames.OrderPush),
    ],
)
def test_the_documented_messages_hold_no_news(name: str, model: type[msgspec.Struct]) -> None:
    row = payload(name)["data"][0]
    assert list(undocumented(row, model)) == []
    assert list(undocumented({**row, "brandNew": ""}, model)) == ["brandNew"]


def test_nothing_is_both_modelled_and_passed_over() -> None:
    for model, names in DOCUMENTED.items():
        assert names.isdisjoint(field.encode_name for field in msgspec.structs.fields(model)), model


def test_a_message_without_what_we_cannot_do_without_is_refused() -> None:
    row = payload("ws_orders_fill")["data"][0]
    for name in ("instId", "ordId", "side", "state", "fillSz", "tradeId"):
        with pytest.raises(msgspec.ValidationError, match=name):
            msgspec.convert({key: value for key, value in row.items() if key != name}, frames.OrderPush)


def test_tokens_are_not_shown() -> None:
    assert repr(models.TokenReply("planted-access", 3_600, "planted-refresh")) == "TokenReply(***)"

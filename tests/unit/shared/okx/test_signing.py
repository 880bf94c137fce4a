"""Known answers of OKX's documentation, and one computed apart from it."""

import pytest

from shared.okx.protocol import GET, POST, Request
from shared.okx.signing import authorised, login, signature, timestamp
from shared.ports import GrantUnusable
from shared.vault.credentials import ApiKey, BearerToken
from shared.vault.secret import Secret
from tests.unit.shared.okx.scripted import FOLLOWER, KEY, api_key

AT_MS = 1_607_418_537_715
AT = "2020-12-08T09:08:57.715Z"
ORDER = (
    b'{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"60000","sz":"0.001",'
    b'"tag":"ABCDEF0123456789"}'
)


@pytest.mark.parametrize(
    ("request_", "sign"),
    [
        (Request(GET, "/api/v5/account/balance"), b"tpQYvXdaAfU8ae6zI1rJ2xVcyMIk9BKWK/fysaanweQ="),
        (Request(GET, "/api/v5/account/balance?ccy=BTC"), b"pS6nHuBl6Qc9S0h+soCkCVHaVHZzS19KqFpeI/doTlE="),
        (Request(POST, "/api/v5/trade/order", b"", ORDER), b"x2yxYDI62qBWyjajWeLcmANVHkqjR4Onm7Hb9+Ms08Y="),
    ],
)
def test_rest_signatures_are_the_known_ones(request_: Request, sign: bytes) -> None:
    signed = authorised(request_, api_key(), AT_MS)
    assert signed.headers.split(b"\r\n") == [
        b"OK-ACCESS-KEY: mock-key",
        b"OK-ACCESS-SIGN: " + sign,
        b"OK-ACCESS-TIMESTAMP: " + AT.encode(),
        b"OK-ACCESS-PASSPHRASE: mock-phrase",
        b"Content-Type: application/json",
        b"",
    ]
    assert (signed.method, signed.path, signed.body) == (request_.method, request_.path, request_.body)


def test_the_login_signature_is_the_known_one() -> None:
    argument = login(KEY, 1_538_054_050_999)
    assert (argument.timestamp, argument.sign) == ("1538054050", "Dmtp4TyTAO5yzuAvNFiwYvL5V3PEzvf8T2Y3IQaXs+8=")
    assert (argument.apiKey, argument.passphrase) == ("mock-key", "mock-phrase")


@pytest.mark.parametrize(
    ("at_ms", "spelled"),
    [(AT_MS, AT), (0, "1970-01-01T00:00:00.000Z"), (1_751_000_000_007, "2025-06-27T04:53:20.007Z")],
)
def test_timestamps_have_three_digits_always(at_ms: int, spelled: str) -> None:
    assert timestamp(at_ms) == spelled


def test_a_bearer_request_carries_the_token_and_no_signature() -> None:
    request = Request(POST, "/api/v5/trade/order", b"expTime: 1\r\n", b"{}")
    signed = authorised(request, BearerToken(FOLLOWER, 1, "www", Secret("abc")), AT_MS)
    assert signed.headers == b"expTime: 1\r\nAuthorization: Bearer abc\r\nContent-Type: application/json\r\n"


def test_a_device_bound_token_names_its_device() -> None:
    signed = authorised(Request(GET, "/"), BearerToken(FOLLOWER, 1, "www", Secret("abc"), "32cf9c63-1"), AT_MS)
    assert signed.headers.endswith(b"TERMID: 32cf9c63-1\r\n")


@pytest.mark.parametrize("text", ["a\r\nX-Evil: 1", "a\nb", "tökén"])
def test_a_credential_that_would_break_out_of_its_header_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(GrantUnusable) as caught:
        authorised(Request(GET, "/"), BearerToken(FOLLOWER, 1, "www", Secret(text)), AT_MS)
    assert text not in str(caught.value)


def test_requests_and_logins_do_not_show_what_they_carry() -> None:
    key = ApiKey(Secret("planted-key"), Secret("planted-secret"), Secret("planted-phrase"))
    shown = repr(login(key, AT_MS)) + repr(authorised(Request(GET, "/a"), api_key(), AT_MS))
    assert shown == "LoginArgument(***)Request(GET /a)"


def test_signature_is_base64_of_hmac_sha256() -> None:
    assert signature(Secret("key"), "The quick brown fox jumps over the lazy dog") == (
        "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg="
    )

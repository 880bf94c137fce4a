"""A signature anybody can check who has the secret: the vector is Standard Webhooks' own, and openssl's."""

import base64
import hashlib
import hmac

from services.portal.hooks.signing import make_secret, signed
from shared.vault.secret import Secret

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE, AT_S, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}'


def test_a_known_message_has_its_known_signature() -> None:
    headers = signed(Secret(KEY), MESSAGE, AT_S, BODY)
    assert headers == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_every_secret_is_another_and_long_enough() -> None:
    made = {make_secret().reveal() for _ in range(20)}
    assert len(made) == 20
    assert all(len(base64.b64decode(each.removeprefix("whsec_"))) == 32 for each in made)


def test_a_receiver_that_shares_no_code_with_us_agrees() -> None:
    secret = make_secret()
    told = signed(secret, "msg_1", 5, b"{}")["webhook-signature"].split(",")[1]
    key = base64.b64decode(secret.reveal()[len("whsec_") :])
    assert hmac.compare_digest(base64.b64decode(told), hmac.new(key, b"msg_1.5.{}", hashlib.sha256).digest())

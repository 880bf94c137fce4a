"""A keeper whose settings could cost an owner their consent does not start."""

import pytest
from pydantic import ValidationError

from services.token_keeper.settings import Settings

SOUND = {"okx_client_id": "id", "okx_client_secret": "secret", "demo": True}


def refusal(**changed: object) -> str:
    with pytest.raises(ValidationError) as error:
        Settings.model_validate(SOUND | changed)
    return str(error.value)


def test_the_defaults_agree_with_one_another() -> None:
    settings = Settings.model_validate(SOUND)

    assert settings.renewal_s < settings.drain_s < settings.claim_s


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"claim_s": 20}, "SLIPSTREAM_CLAIM_S: got 20; it takes at least twice"),
        ({"drain_s": 12}, "SLIPSTREAM_DRAIN_S: got 12; it takes more than"),
        ({"grant_life_s": 50}, "SLIPSTREAM_REFRESH_FRACTION: got 0.7, which leaves 15 s"),
        ({"okx_token_encoding": "xml"}, "Input should be 'json' or 'form'"),
    ],
)
def test_a_contradiction_is_refused_by_name(changed: dict[str, object], said: str) -> None:
    assert said in refusal(**changed)

import copy
import json
import logging
import pickle
from collections.abc import Callable
from dataclasses import asdict

import pytest

from shared.vault.credentials import ApiKey
from shared.vault.secret import Secret

TEXT = "eyJ-planted-token"


@pytest.mark.parametrize("shown", [repr, str, "{}".format, "{:>12}".format, "{!r}".format, lambda s: f"{s}"])
def test_no_way_of_showing_a_secret_shows_it(shown: Callable[[Secret], str]) -> None:
    assert TEXT not in shown(Secret(TEXT))
    assert "***" in shown(Secret(TEXT))


def test_a_credential_shows_stars_in_its_representation_and_as_a_dictionary() -> None:
    key = ApiKey(Secret(TEXT), Secret(TEXT), Secret(TEXT))

    assert repr(key) == "ApiKey(key=***, secret=***, passphrase=***)"
    assert TEXT not in str(asdict(key))


def test_a_secret_cannot_leave_through_json_pickle_or_a_dictionary_key() -> None:
    with pytest.raises(TypeError):
        json.dumps({"token": Secret(TEXT)})
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Secret(TEXT))
    with pytest.raises(TypeError, match="unhashable"):
        {Secret(TEXT): 1}


def test_secrets_are_equal_by_their_text_and_to_nothing_else() -> None:
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret("other")
    assert Secret(TEXT) != TEXT


def test_a_copy_is_the_secret_itself() -> None:
    secret = Secret(TEXT)

    assert copy.deepcopy(secret) is secret
    assert copy.copy(secret) is secret


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="a secret is empty; expected a token"):
        Secret("")


def test_a_log_record_of_a_secret_holds_stars(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("any").warning("refreshed with %s", Secret(TEXT))

    assert caplog.messages == ["refreshed with ***"]


def test_reveal_is_the_only_way_to_the_text() -> None:
    assert Secret(TEXT).reveal() == TEXT
    assert not hasattr(Secret(TEXT), "__dict__")

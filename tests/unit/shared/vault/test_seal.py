import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.vault.seal import Place, Vault, vault_from
from shared.vault.secret import CannotOpen, Secret

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
HOME = Place("grants", "access_token", "1001")
TEXT = "planted-token"


@given(st.text(min_size=1))
def test_what_was_sealed_opens_in_its_place(text: str) -> None:
    vault = Vault([NEW])
    encodable = text.encode(errors="ignore").decode() or "x"

    assert vault.open(vault.seal(Secret(encodable), HOME), HOME) == Secret(encodable)


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place("leaders", "access_token", "1001"),
        Place("grants", "refresh_token", "1001"),
        Place("grants", "access_token", "1002"),
        Place("grantsa", "ccess_token", "1001"),
    ],
)
def test_sealed_bytes_open_in_no_other_table_column_or_row(elsewhere: Place) -> None:
    vault = Vault([NEW])
    sealed = vault.seal(Secret(TEXT), HOME)

    with pytest.raises(CannotOpen, match="belong to another row"):
        vault.open(sealed, elsewhere)


@given(position=st.integers(min_value=4), flip=st.integers(min_value=1, max_value=255))
def test_one_changed_byte_does_not_open(position: int, flip: int) -> None:
    vault = Vault([NEW])
    sealed = bytearray(vault.seal(Secret(TEXT), HOME))
    sealed[4 + position % (len(sealed) - 4)] ^= flip

    with pytest.raises(CannotOpen) as refusal:
        vault.open(bytes(sealed), HOME)
    assert TEXT not in str(refusal.value)


@pytest.mark.parametrize("length", [0, 3, 4, 15, 20])
def test_bytes_cut_short_are_refused_in_words(length: int) -> None:
    vault = Vault([NEW])

    with pytest.raises(CannotOpen, match=r"grants\.access_token of 1001"):
        vault.open(vault.seal(Secret(TEXT), HOME)[:length], HOME)


def test_the_same_secret_seals_to_different_bytes() -> None:
    vault = Vault([NEW])

    assert vault.seal(Secret(TEXT), HOME) != vault.seal(Secret(TEXT), HOME)
    assert TEXT.encode() not in vault.seal(Secret(TEXT), HOME)


def test_after_rotation_old_bytes_open_and_are_known_to_be_old() -> None:
    sealed = Vault([OLD]).seal(Secret(TEXT), HOME)
    rotated = Vault([NEW, OLD])

    assert rotated.open(sealed, HOME) == Secret(TEXT)
    assert not rotated.is_current(sealed)
    assert rotated.is_current(rotated.seal(Secret(TEXT), HOME))


def test_a_key_missing_from_the_ring_is_named() -> None:
    sealed = Vault([OLD]).seal(Secret(TEXT), HOME)

    with pytest.raises(CannotOpen, match="SLIPSTREAM_VAULT_RETIRED_KEYS"):
        Vault([NEW]).open(sealed, HOME)


def test_without_a_key_only_the_demo_gets_a_vault() -> None:
    with pytest.raises(ValueError, match="SLIPSTREAM_VAULT_KEY"):
        vault_from(None)

    demo = vault_from(None, demo=True)
    assert demo.open(demo.seal(Secret(TEXT), HOME), HOME) == Secret(TEXT)


def test_a_vault_is_built_from_base64_and_shows_no_key() -> None:
    text = base64.b64encode(NEW).decode()
    vault = vault_from(text, [base64.b64encode(OLD).decode()])

    assert vault.open(Vault([OLD]).seal(Secret(TEXT), HOME), HOME) == Secret(TEXT)
    assert repr(vault) == "Vault(2 keys)"


def test_a_key_of_the_wrong_length_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match=r"\[3\] key bytes; expected keys of 32"):
        Vault([b"abc"])

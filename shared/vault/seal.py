"""Sealing at rest: AES-256-GCM, bound to the table, column and row the sealed bytes belong to.

    sealed = key id (4 bytes) ‖ nonce (12 bytes) ‖ ciphertext and tag

The key id is the head of a hash of the key, so a reader knows which key of the ring to use, and rotation needs no flag
in the database: seal with the first key, open with any. Bytes copied to another row, column or table do not open.
"""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.vault.secret import CannotOpen, Secret

_KEY_BYTES = 32
_ID_BYTES = 4
_NONCE_BYTES = 12  # what GCM is defined for; random, which holds for 2^32 seals under one key
_DEMO_KEY = sha256(b"slipstream demo: known to everyone, protects nothing").digest()


@dataclass(frozen=True, slots=True)
class Place:
    """Where sealed bytes live; they open nowhere else."""

    table: str
    column: str
    row: str

    def bound(self) -> bytes:
        """Return the associated data: the three parts with their lengths, so that no two places spell alike."""
        return b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in (self.table, self.column, self.row))

    def __str__(self) -> str:
        return f"{self.table}.{self.column} of {self.row}"


class Vault:
    """Seals with the first key of its ring and opens with any; holds nothing but keys, so it is safe to share."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Take keys of 32 bytes, the sealing one first.

        Raises:
            ValueError: no key, or one of another length.
        """
        if not keys or any(len(key) != _KEY_BYTES for key in keys):
            raise ValueError(
                f"the vault got {[len(key) for key in keys]} key bytes; expected keys of {_KEY_BYTES} each"
            )
        self._ring = {_key_id(key): AESGCM(key) for key in reversed(keys)}
        self._sealing = _key_id(keys[0])

    def __repr__(self) -> str:
        return f"Vault({len(self._ring)} keys)"

    def seal(self, secret: Secret, place: Place) -> bytes:
        """Return sealed bytes for one place; twice the same secret gives different bytes."""
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = self._ring[self._sealing].encrypt(nonce, secret.reveal().encode(), place.bound())
        return self._sealing + nonce + ciphertext

    def open(self, sealed: bytes, place: Place) -> Secret:
        """Return the secret sealed for this place.

        Raises:
            CannotOpen: with the place and the reason.
        """
        key = self._ring.get(sealed[:_ID_BYTES])
        if key is None:
            raise CannotOpen(
                f"{place}: sealed with key {sealed[:_ID_BYTES].hex()}; expected one of"
                f" {', '.join(k.hex() for k in self._ring)}; add the retired key to SLIPSTREAM_VAULT_RETIRED_KEYS"
            )
        nonce, ciphertext = sealed[_ID_BYTES : _ID_BYTES + _NONCE_BYTES], sealed[_ID_BYTES + _NONCE_BYTES :]
        try:
            return Secret(key.decrypt(nonce, ciphertext, place.bound()).decode())
        except (InvalidTag, ValueError):
            raise CannotOpen(
                f"{place}: the bytes were changed, cut short or belong to another row;"
                " restore the row or ask for consent anew"
            ) from None

    def is_current(self, sealed: bytes) -> bool:
        """Tell whether bytes were sealed with the present key, or should be sealed again."""
        return sealed[:_ID_BYTES] == self._sealing


def vault_from(key: str | None, retired: Sequence[str] = (), *, demo: bool = False) -> Vault:
    """Build a vault from base64 keys; without a key only the demo gets one, known to everyone.

    Raises:
        ValueError: no key outside the demo, or a key that is not 32 bytes.
    """
    if key is None and not demo:
        raise ValueError("the vault has no key; expected base64 of 32 random bytes in SLIPSTREAM_VAULT_KEY")
    sealing = _DEMO_KEY if key is None else base64.b64decode(key, validate=True)
    return Vault([sealing, *(base64.b64decode(old, validate=True) for old in retired)])


def _key_id(key: bytes) -> bytes:
    return sha256(b"key id" + key).digest()[:_ID_BYTES]

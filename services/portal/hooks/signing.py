"""How a receiver knows that a message is ours: HMAC-SHA256 over its id, its time and its body.

The convention is that of Standard Webhooks (standardwebhooks.com): `webhook-id`, `webhook-timestamp`, and
`webhook-signature: v1,<base64>` over `id.timestamp.body`, with the bytes behind `whsec_` as key.
"""

import base64
import hmac
import secrets
from hashlib import sha256

from shared.vault.secret import Secret

_PREFIX = "whsec_"
_BYTES = 32


def make_secret() -> Secret:
    """Make a signing secret."""
    return Secret(_PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode())


def signed(secret: Secret, message: str, at_s: int, body: bytes) -> dict[str, str]:
    """Return the headers that prove a message."""
    key = base64.b64decode(secret.reveal().removeprefix(_PREFIX))
    mac = hmac.digest(key, f"{message}.{at_s}.".encode() + body, sha256)
    signature = f"v1,{base64.b64encode(mac).decode()}"
    return {"webhook-id": message, "webhook-timestamp": str(at_s), "webhook-signature": signature}

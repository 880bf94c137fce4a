"""The tables of partners' platforms; columns as in `tables`."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, Text

from shared.store.columns import Json, Moment
from shared.store.tables import metadata

_ID = String(64)
_WORD = String(32)

partner_keys = Table(
    "partner_keys",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("hash", String(64), nullable=False, unique=True, doc="SHA-256 of the key's text."),
    Column("label", Text, nullable=False),
    Column("scopes", Json, nullable=False),
    Column("made", Moment, nullable=False),
    Column("revoked", Moment, doc="Since when it works no more."),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("url", Text, nullable=False),
    Column("kinds", Json, nullable=False),
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("made_by", _ID, nullable=False, doc="The partner key it was made with."),
    Column("made", Moment, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _ID, primary_key=True, doc="The same for the same event and webhook."),
    Column("webhook", _ID, nullable=False),
    Column("event", String(200), nullable=False),
    Column("kind", _WORD, nullable=False),
    Column("account", _ID, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", _WORD, nullable=False, doc="waiting, delivered or failed."),
    Column("tries", Integer, nullable=False),
    Column("due", Moment, nullable=False, doc="When to send it; while somebody sends it, when to give up on them."),
    Column("status", Integer, doc="What the receiver answered when it took it."),
    Column("error", Text, doc="Why it was not taken the last time."),
    Column("created", Moment, nullable=False),
    Column("finished", Moment),
    Index(None, "state", "due"),
    Index(None, "webhook", "created"),
)

webhook_places = Table(
    "webhook_places",
    metadata,
    Column("stream", _WORD, primary_key=True),
    Column("entry", String(48), nullable=False, doc="Up to here everything is laid into outboxes."),
)

every_table = metadata
"""With these, all there are."""

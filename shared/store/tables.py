"""Every table, once. Migrations build the same; a test compares the two.

Times are `Moment` (milliseconds to us), numbers `Exact`, closed sets their text. Sealed columns end in `_sealed` and
are opened by `grants` alone.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
)

from shared.store.columns import Exact, Json, Moment

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

_ID = String(64)
_WORD = String(32)


def _account(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, _ID, ForeignKey("accounts.account"), primary_key=key, nullable=False)


accounts = Table(
    "accounts",
    metadata,
    Column("account", _ID, primary_key=True),
    Column("site", _WORD, nullable=False),
    Column("uid", _ID, nullable=False),
    Column("main_uid", _ID, nullable=False, doc="The owner's main account; equal for accounts of one owner."),
    Column("leads", Boolean, nullable=False, doc="Whether its trades are watched."),
    Column("applied", Boolean, nullable=False, server_default=false(), doc="Whether its owner asked to be followed."),
    Column("account_level", String(8), nullable=False, doc="OKX's acctLv."),
    Column("position_mode", _WORD, nullable=False, doc="OKX's posMode."),
    Column("label", Text, nullable=False),
    Column("updated", Moment, nullable=False),
    Column("checked", Moment, doc="When it was last looked at, at the venue, of our own accord."),
    Column("findings", Json, doc="What was found that keeps it from trading, each with its remedy."),
)

grants = Table(
    "grants",
    metadata,
    _account("account", key=True),
    Column("kind", _WORD, nullable=False),
    Column("version", Integer, nullable=False, doc="Counts the secrets: each new pair or key is one more."),
    Column("status", _WORD, nullable=False),
    Column("why", Text, nullable=False, doc="Why it is not live, in words."),
    Column("fenced", Boolean, nullable=False, doc="Whether expTime was proven with it."),
    Column("tagged", Boolean, doc="Whether our tag was repeated to it; empty until asked."),
    Column("issued", Moment, nullable=False),
    Column("expires", Moment, nullable=False, doc="When the access token dies; far away for a key."),
    Column("access_token_sealed", LargeBinary),
    Column("refresh_token_sealed", LargeBinary),
    Column("api_key_sealed", LargeBinary),
    Column("secret_key_sealed", LargeBinary),
    Column("passphrase_sealed", LargeBinary),
    Column("terminal", _ID, doc="The device a PKCE consent is tied to; empty for all others."),
    Column("claimant", _ID, doc="The one process that may refresh it now."),
    Column("claimed_until", Moment, doc="When that right ends, or before which nobody may try again."),
    Index(None, "status", "kind", "expires"),
)

_SETTINGS = (
    ("state", _WORD, False),
    ("ratio", Exact, False),
    ("below_minimum", _WORD, False),
    ("max_age_ms", BigInteger, True),
    ("slippage_cap", Exact, True),
    ("max_order", Exact, True),
    ("max_position", Exact, True),
)


def _settings() -> list[Column[object]]:
    chosen = [Column(name, type_, nullable=nullable) for name, type_, nullable in _SETTINGS]
    return [
        *chosen,
        Column("drift", _WORD, nullable=False, server_default="report", doc="off, report or repair."),
        Column("ending", _WORD, nullable=False, server_default="keep", doc="keep or close: once it has ended."),
    ]


subscriptions = Table(
    "subscriptions",
    metadata,
    _account("follower", key=True),
    _account("leader", key=True),
    Column("version", Integer, nullable=False),
    *_settings(),
    Column("updated", Moment, nullable=False),
    Index(None, "leader"),
)

subscription_versions = Table(
    "subscription_versions",
    metadata,
    _account("follower", key=True),
    _account("leader", key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    *_settings(),
    Column("made", Moment, nullable=False),
    Column("published", Moment, doc="When it became an entry of the stream; empty until then."),
    Index(None, "published", "made"),
)

trade_events = Table(
    "trade_events",
    metadata,
    Column("event", String(160), primary_key=True),
    Column("entry", String(48), nullable=False, doc="Its place in the stream, for orientation only."),
    Column("kind", _WORD, nullable=False),
    Column("leader", _ID, nullable=False),
    Column("inst_id", _ID, nullable=False),
    Column("inst_type", _WORD, nullable=False),
    Column("pos_side", _WORD, nullable=False),
    Column("before", Exact, nullable=False),
    Column("after", Exact, nullable=False),
    Column("price", Exact, nullable=False),
    Column("category", _WORD, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("vouched", Boolean, nullable=False),
    Column("filled", Moment, nullable=False),
    Column("seen", Moment, nullable=False),
    Column("published", Moment, nullable=False),
    Index(None, "leader", "filled"),
)

copies = Table(
    "copies",
    metadata,
    Column("cl_ord_id", String(32), primary_key=True),
    Column("follower", _ID, nullable=False),
    Column("leader", _ID, nullable=False),
    Column("inst_id", _ID, nullable=False),
    Column("event", String(160), nullable=False),
    Column("leg", _WORD, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("covers", Integer, nullable=False),
    Column("subscription_version", Integer, nullable=False),
    # What is known last: replaced as a whole by a newer outcome.
    Column("outcome", _WORD, nullable=False),
    Column("rank", Integer, nullable=False, doc="How final the outcome is; a higher one is never replaced by a lower."),
    Column("at", Moment, nullable=False),
    Column("code", _WORD),
    Column("sub_code", _WORD),
    Column("category", _WORD),
    Column("message", Text),
    Column("reason", _WORD),
    Column("remedy", Text),
    Column("numbers", Json),
    # Facts that add up over the attempt's life: an empty one never replaces a known one.
    Column("side", _WORD),
    Column("size", Exact),
    Column("order_type", _WORD),
    Column("price", Exact),
    Column("order_id", _ID),
    Column("filled_size", Exact),
    Column("average_price", Exact),
    Column("fee", Exact),
    Column("fee_currency", _WORD),
    Column("target", Exact),
    Column("held", Exact),
    Column("filled", Moment),
    Column("seen", Moment),
    Column("published", Moment),
    Column("read", Moment),
    Column("sent", Moment),
    Column("answered", Moment),
    Column("settled", Moment),
    Index(None, "follower", "at"),
    Index(None, "event"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("actor", _ID, nullable=False),
    Column("action", _WORD, nullable=False),
    Column("subject", String(160), nullable=False),
    Column("details", Json, nullable=False),
    Column("previous", String(64), nullable=False, doc="The hash of the entry before; all zeros for the first."),
    Column("hash", String(64), nullable=False, doc="SHA-256 over the previous hash and this entry."),
)

switches = Table(
    "switches",
    metadata,
    Column("scope", _WORD, primary_key=True),
    Column("name", _ID, primary_key=True, doc="The leader, follower or instrument; empty for the platform."),
    Column("made", Moment, primary_key=True),
    Column("action", _WORD, nullable=False, doc="stop_opens, flatten or lift; the newest of a name is in force."),
    Column("published", Moment, doc="When it became an entry of the stream; empty until then."),
    Index(None, "published"),
)

redis_copies = Table(
    "redis_copies",
    metadata,
    Column("name", String(160), primary_key=True, doc="A key of Redis, without the installation's tag."),
    Column("data", LargeBinary, nullable=False, doc="What it held, as messages.copy spells it."),
    Column("at", Moment, nullable=False, doc="When, by the server's clock."),
)

consents = Table(
    "consents",
    metadata,
    Column("state", String(64), primary_key=True, doc="SHA-256 of the state a browser was sent away with."),
    Column("session", String(64), nullable=False, doc="SHA-256 of the browser session it belongs to."),
    Column("role", _WORD, nullable=False),
    Column("way", _WORD, nullable=False),
    Column("terminal", _ID, doc="The device of a PKCE consent."),
    Column("verifier_sealed", LargeBinary, doc="The verifier of a PKCE consent."),
    Column("expires", Moment, nullable=False),
    Index(None, "expires"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session", String(64), primary_key=True, doc="SHA-256 of the cookie."),
    Column("account", _ID, doc="Who signed in; empty before that."),
    Column("csrf", String(64), nullable=False),
    Column("expires", Moment, nullable=False),
    Index(None, "expires"),
    Index(None, "account"),
)

"""The first tables: accounts, grants, subscriptions, trade events, copies and the audit log.

Written out rather than imported: a revision is a record of what was, and `tables` will move on.
"""

import sqlalchemy as sa
from alembic import op

from shared.store.columns import Exact, Json, Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

metadata = sa.MetaData()

sa.Table(
    "accounts",
    metadata,
    sa.Column("account", sa.String(length=64), nullable=False),
    sa.Column("site", sa.String(length=32), nullable=False),
    sa.Column("uid", sa.String(length=64), nullable=False),
    sa.Column("main_uid", sa.String(length=64), nullable=False),
    sa.Column("leads", sa.Boolean(), nullable=False),
    sa.Column("account_level", sa.String(length=8), nullable=False),
    sa.Column("position_mode", sa.String(length=32), nullable=False),
    sa.Column("label", sa.Text(), nullable=False),
    sa.Column("updated", Moment(), nullable=False),
    sa.PrimaryKeyConstraint("account", name="pk_accounts"),
)
sa.Table(
    "grants",
    metadata,
    sa.Column("account", sa.String(length=64), nullable=False),
    sa.Column("kind", sa.String(length=32), nullable=False),
    sa.Column("version", sa.Integer(), nullable=False),
    sa.Column("status", sa.String(length=32), nullable=False),
    sa.Column("why", sa.Text(), nullable=False),
    sa.Column("fenced", sa.Boolean(), nullable=False),
    sa.Column("issued", Moment(), nullable=False),
    sa.Column("expires", Moment(), nullable=False),
    sa.Column("access_token_sealed", sa.LargeBinary()),
    sa.Column("refresh_token_sealed", sa.LargeBinary()),
    sa.Column("api_key_sealed", sa.LargeBinary()),
    sa.Column("secret_key_sealed", sa.LargeBinary()),
    sa.Column("passphrase_sealed", sa.LargeBinary()),
    sa.Column("claimant", sa.String(length=64)),
    sa.Column("claimed_until", Moment()),
    sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_grants_account"),
    sa.PrimaryKeyConstraint("account", name="pk_grants"),
    sa.Index("ix_grants_status_kind_expires", "status", "kind", "expires"),
)
sa.Table(
    "subscriptions",
    metadata,
    sa.Column("follower", sa.String(length=64), nullable=False),
    sa.Column("leader", sa.String(length=64), nullable=False),
    sa.Column("version", sa.Integer(), nullable=False),
    sa.Column("state", sa.String(length=32), nullable=False),
    sa.Column("ratio", Exact(), nullable=False),
    sa.Column("below_minimum", sa.String(length=32), nullable=False),
    sa.Column("max_age_ms", sa.BigInteger()),
    sa.Column("slippage_cap", Exact()),
    sa.Column("max_order", Exact()),
    sa.Column("max_position", Exact()),
    sa.Column("updated", Moment(), nullable=False),
    sa.ForeignKeyConstraint(["follower"], ["accounts.account"], name="fk_subscriptions_follower"),
    sa.ForeignKeyConstraint(["leader"], ["accounts.account"], name="fk_subscriptions_leader"),
    sa.PrimaryKeyConstraint("follower", "leader", name="pk_subscriptions"),
    sa.Index("ix_subscriptions_leader", "leader"),
)
sa.Table(
    "subscription_versions",
    metadata,
    sa.Column("follower", sa.String(length=64), nullable=False),
    sa.Column("leader", sa.String(length=64), nullable=False),
    sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("state", sa.String(length=32), nullable=False),
    sa.Column("ratio", Exact(), nullable=False),
    sa.Column("below_minimum", sa.String(length=32), nullable=False),
    sa.Column("max_age_ms", sa.BigInteger()),
    sa.Column("slippage_cap", Exact()),
    sa.Column("max_order", Exact()),
    sa.Column("max_position", Exact()),
    sa.Column("made", Moment(), nullable=False),
    sa.Column("published", Moment()),
    sa.ForeignKeyConstraint(["follower"], ["accounts.account"], name="fk_subscription_versions_follower"),
    sa.ForeignKeyConstraint(["leader"], ["accounts.account"], name="fk_subscription_versions_leader"),
    sa.PrimaryKeyConstraint("follower", "leader", "version", name="pk_subscription_versions"),
    sa.Index("ix_subscription_versions_published_made", "published", "made"),
)
sa.Table(
    "trade_events",
    metadata,
    sa.Column("event", sa.String(length=160), nullable=False),
    sa.Column("entry", sa.String(length=48), nullable=False),
    sa.Column("kind", sa.String(length=32), nullable=False),
    sa.Column("leader", sa.String(length=64), nullable=False),
    sa.Column("inst_id", sa.String(length=64), nullable=False),
    sa.Column("inst_type", sa.String(length=32), nullable=False),
    sa.Column("pos_side", sa.String(length=32), nullable=False),
    sa.Column("before", Exact(), nullable=False),
    sa.Column("after", Exact(), nullable=False),
    sa.Column("price", Exact(), nullable=False),
    sa.Column("category", sa.String(length=32), nullable=False),
    sa.Column("late", sa.Boolean(), nullable=False),
    sa.Column("vouched", sa.Boolean(), nullable=False),
    sa.Column("filled", Moment(), nullable=False),
    sa.Column("seen", Moment(), nullable=False),
    sa.Column("published", Moment(), nullable=False),
    sa.PrimaryKeyConstraint("event", name="pk_trade_events"),
    sa.Index("ix_trade_events_leader_filled", "leader", "filled"),
)
sa.Table(
    "copies",
    metadata,
    sa.Column("cl_ord_id", sa.String(length=32), nullable=False),
    sa.Column("follower", sa.String(length=64), nullable=False),
    sa.Column("leader", sa.String(length=64), nullable=False),
    sa.Column("inst_id", sa.String(length=64), nullable=False),
    sa.Column("event", sa.String(length=160), nullable=False),
    sa.Column("leg", sa.String(length=32), nullable=False),
    sa.Column("tries", sa.Integer(), nullable=False),
    sa.Column("covers", sa.Integer(), nullable=False),
    sa.Column("subscription_version", sa.Integer(), nullable=False),
    sa.Column("outcome", sa.String(length=32), nullable=False),
    sa.Column("rank", sa.Integer(), nullable=False),
    sa.Column("at", Moment(), nullable=False),
    sa.Column("code", sa.String(length=32)),
    sa.Column("sub_code", sa.String(length=32)),
    sa.Column("category", sa.String(length=32)),
    sa.Column("message", sa.Text()),
    sa.Column("reason", sa.String(length=32)),
    sa.Column("remedy", sa.Text()),
    sa.Column("numbers", Json),
    sa.Column("side", sa.String(length=32)),
    sa.Column("size", Exact()),
    sa.Column("order_type", sa.String(length=32)),
    sa.Column("price", Exact()),
    sa.Column("order_id", sa.String(length=64)),
    sa.Column("filled_size", Exact()),
    sa.Column("average_price", Exact()),
    sa.Column("fee", Exact()),
    sa.Column("fee_currency", sa.String(length=32)),
    sa.Column("target", Exact()),
    sa.Column("held", Exact()),
    sa.Column("filled", Moment()),
    sa.Column("seen", Moment()),
    sa.Column("published", Moment()),
    sa.Column("read", Moment()),
    sa.Column("sent", Moment()),
    sa.Column("answered", Moment()),
    sa.Column("settled", Moment()),
    sa.PrimaryKeyConstraint("cl_ord_id", name="pk_copies"),
    sa.Index("ix_copies_event", "event"),
    sa.Index("ix_copies_follower_at", "follower", "at"),
)
sa.Table(
    "audit_log",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
    sa.Column("at", Moment(), nullable=False),
    sa.Column("actor", sa.String(length=64), nullable=False),
    sa.Column("action", sa.String(length=32), nullable=False),
    sa.Column("subject", sa.String(length=160), nullable=False),
    sa.Column("details", Json, nullable=False),
    sa.Column("previous", sa.String(length=64), nullable=False),
    sa.Column("hash", sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint("number", name="pk_audit_log"),
)

_APPEND_ONLY_SQLITE = """
CREATE TRIGGER audit_log_no_{verb} BEFORE {verb} ON audit_log
BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END
"""
_APPEND_ONLY_POSTGRESQL = (
    """
CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'audit_log is append-only'; END $$
""",
    """
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only()
""",
)


def upgrade() -> None:
    """Make the tables, and let the database itself refuse changes to the audit log."""
    metadata.create_all(op.get_bind(), checkfirst=False)
    sqlite = op.get_context().dialect.name == "sqlite"
    guards = [_APPEND_ONLY_SQLITE.format(verb=verb) for verb in ("update", "delete")]
    for statement in guards if sqlite else _APPEND_ONLY_POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    """Drop everything, data included; triggers go with their table."""
    metadata.drop_all(op.get_bind())
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_log_is_append_only()")

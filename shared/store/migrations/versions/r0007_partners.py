"""Partners' platforms: their keys, their webhooks, and what is to be sent to them."""

import sqlalchemy as sa
from alembic import op

from shared.store.columns import Json, Moment

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    _add_keys_and_webhooks()
    _add_deliveries()


def _add_keys_and_webhooks() -> None:
    op.create_table(
        "partner_keys",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("made", Moment(), nullable=False),
        sa.Column("revoked", Moment()),
        sa.PrimaryKeyConstraint("id", name="pk_partner_keys"),
        sa.UniqueConstraint("hash"),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", Json, nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )


def _add_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("webhook", sa.String(length=64), nullable=False),
        sa.Column("event", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due", Moment(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("error", sa.Text()),
        sa.Column("created", Moment(), nullable=False),
        sa.Column("finished", Moment()),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_state_due", "deliveries", ["state", "due"])
    op.create_index("ix_deliveries_webhook_created", "deliveries", ["webhook", "created"])
    op.create_table(
        "webhook_places",
        sa.Column("stream", sa.String(length=32), nullable=False),
        sa.Column("entry", sa.String(length=48), nullable=False),
        sa.PrimaryKeyConstraint("stream", name="pk_webhook_places"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("webhook_places", "deliveries", "webhooks", "partner_keys"):
        op.drop_table(table)

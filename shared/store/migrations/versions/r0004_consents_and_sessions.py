"""Consents on their way, browser sessions, the device of a PKCE grant, and who asked to be followed."""

import sqlalchemy as sa
from alembic import op

from shared.store.columns import Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables and the columns."""
    op.add_column("accounts", sa.Column("applied", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("grants", sa.Column("terminal", sa.String(length=64)))
    op.create_table(
        "consents",
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("way", sa.String(length=32), nullable=False),
        sa.Column("terminal", sa.String(length=64)),
        sa.Column("verifier_sealed", sa.LargeBinary()),
        sa.Column("expires", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("state", name="pk_consents"),
    )
    op.create_index("ix_consents_expires", "consents", ["expires"])
    op.create_table(
        "sessions",
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64)),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("expires", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("session", name="pk_sessions"),
    )
    op.create_index("ix_sessions_expires", "sessions", ["expires"])
    op.create_index("ix_sessions_account", "sessions", ["account"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("sessions")
    op.drop_table("consents")
    op.drop_column("grants", "terminal")
    op.drop_column("accounts", "applied")

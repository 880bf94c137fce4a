"""Kill switches, and what becomes of positions when a subscription ends."""

import sqlalchemy as sa
from alembic import op

from shared.store.columns import Moment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = ("subscriptions", "subscription_versions")


def upgrade() -> None:
    """Add the table and the column; whoever had ended kept what was held."""
    for table in _TABLES:
        op.add_column(table, sa.Column("ending", sa.String(length=32), nullable=False, server_default="keep"))
    op.create_table(
        "switches",
        sa.Column("scope", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("made", Moment(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("published", Moment()),
        sa.PrimaryKeyConstraint("scope", "name", "made", name="pk_switches"),
    )
    op.create_index("ix_switches_published", "switches", ["published"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("switches")
    for table in _TABLES:
        op.drop_column(table, "ending")

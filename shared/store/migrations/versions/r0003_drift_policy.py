"""What is done about drift, chosen by each subscription."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = ("subscriptions", "subscription_versions")


def upgrade() -> None:
    """Add the column; whoever chose nothing gets reports."""
    for table in _TABLES:
        op.add_column(table, sa.Column("drift", sa.String(length=32), nullable=False, server_default="report"))


def downgrade() -> None:
    """Drop it."""
    for table in _TABLES:
        op.drop_column(table, "drift")

"""Copies of what Redis keeps for the protocol: what an empty server is given back."""

import sqlalchemy as sa
from alembic import op

from shared.store.columns import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "redis_copies",
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_redis_copies"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("redis_copies")

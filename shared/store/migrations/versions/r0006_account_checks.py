"""What is found at an account, again and again; and whether our tag is repeated to its grant."""

import sqlalchemy as sa
from alembic import op

from shared.store.columns import Json, Moment

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("accounts", sa.Column("checked", Moment()))
    op.add_column("accounts", sa.Column("findings", Json))
    op.add_column("grants", sa.Column("tagged", sa.Boolean()))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("grants", "tagged")
    op.drop_column("accounts", "findings")
    op.drop_column("accounts", "checked")

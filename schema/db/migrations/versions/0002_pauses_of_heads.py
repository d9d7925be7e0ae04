"""How often a run was paused and resumed, in its head."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run_heads", sa.Column("pauses", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("run_heads", "pauses")

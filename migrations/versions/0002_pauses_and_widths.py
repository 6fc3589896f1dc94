"""Kinds can be paused for all workers of a database, and each worker reports its concurrency.

A revision is history: it repeats the models as they were then and imports nothing of tmxdb.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pauses",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("since", sa.Text(), nullable=False),
        sa.Column("until", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("kind", name="pk_pauses"),
    )
    op.add_column("workers", sa.Column("width", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("workers", "width")
    op.drop_table("pauses")

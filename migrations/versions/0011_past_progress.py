"""Counts of rows over time, for charts; and an index of the records that were beaten, the latest first.

A revision is history: it repeats the models as they were then and imports nothing of tmxdb.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "past_progress",
        sa.Column("past_progress_id", ID, nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("done", "failed", "skipped", "open", "bytes")),
        sa.PrimaryKeyConstraint("past_progress_id", name="pk_past_progress"),
    )
    op.create_index("ix_past_progress_at", "past_progress", ["at"])
    where = sa.text("position = 0")
    op.create_index(
        "ix_past_positions_record", "past_positions", ["until_at"], sqlite_where=where, postgresql_where=where
    )


def downgrade() -> None:
    op.drop_index("ix_past_positions_record", "past_positions")
    op.drop_table("past_progress")

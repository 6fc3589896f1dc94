"""Limits count what they name: for each row, how many attempts in a row failed for the same cause, since when it has
been snoozed, and when a worker last died while working on it. For each worker, which jobs it has begun.

A revision is history: it repeats the models as they were then and imports nothing of tmxdb.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

JOB_TABLES = ("tracks", "replays", "maps", "captures")


def upgrade() -> None:
    # Plain ADD COLUMN: no engine rewrites the rows for it.
    for table in JOB_TABLES:
        op.add_column(table, sa.Column("failures_in_a_row", sa.Integer(), nullable=False, server_default="0"))
        op.add_column(table, sa.Column("failure_cause", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("snoozed_since", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("lost_at", sa.Text(), nullable=True))
    op.add_column("workers", sa.Column("begun", sa.Text(), nullable=False, server_default="{}"))


def downgrade() -> None:
    for table in JOB_TABLES:
        for column in ("failures_in_a_row", "failure_cause", "snoozed_since", "lost_at"):
            op.drop_column(table, column)
    op.drop_column("workers", "begun")

"""Selections: tracks chosen under a name. And an index that finds the pending replays of one track.

A revision is history: it repeats the models as they were then and imports nothing of tmxdb.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "selections",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=True),
        sa.Column("where_sql", sa.Text(), nullable=True),
        sa.Column("top", sa.Integer(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Text(), nullable=False),
        sa.Column("applied_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_selections"),
    )
    op.create_table(
        "selection_tracks",
        sa.Column("selection_track_id", ID, nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("track_id", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["selection"], ["selections.name"], name="fk_selection_tracks_selection"),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.track_id"], name="fk_selection_tracks_track_id"),
        sa.PrimaryKeyConstraint("selection_track_id", name="pk_selection_tracks"),
        sa.UniqueConstraint("selection", "track_id", name="uq_selection_tracks_selection_track"),
    )
    op.create_index("ix_selection_tracks_rank", "selection_tracks", ["selection", "rank", "track_id"])
    op.create_index("ix_selection_tracks_track", "selection_tracks", ["track_id", "selection"])
    where = sa.text("status = 'pending'")
    op.create_index(
        "ix_replays_pending_track", "replays", ["track_id", "replay_id"], sqlite_where=where, postgresql_where=where
    )


def downgrade() -> None:
    op.drop_index("ix_replays_pending_track", "replays")
    op.drop_table("selection_tracks")
    op.drop_table("selections")

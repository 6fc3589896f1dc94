"""The past of leaderboards: when each replay was first and last seen at which position, and why it left.

A revision is history: it repeats the models as they were then and imports nothing of tmxdb.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SQL = Path(__file__).resolve().parents[1] / "sql"


def upgrade() -> None:
    for name in ("first_seen_at", "first_listed_at", "listed_at"):
        op.add_column("tracks", sa.Column(name, sa.Text(), nullable=True))
    for name in ("first_seen_at", "position_since", "left_at", "left_because"):
        op.add_column("replays", sa.Column(name, sa.Text(), nullable=True))
    listed = "SET listed_at = finished_at, first_listed_at = finished_at"
    op.execute(f"UPDATE tracks {listed} WHERE status = 'done' AND track_id > 0")
    op.create_table(
        "past_positions",
        sa.Column("past_position_id", ID, nullable=False),
        sa.Column("track_id", sa.BigInteger(), nullable=False),
        sa.Column("replay_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("from_at", sa.Text(), nullable=True),
        sa.Column("last_seen_at", sa.Text(), nullable=True),
        sa.Column("until_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["replay_id"], ["replays.replay_id"], name="fk_past_positions_replay_id"),
        sa.PrimaryKeyConstraint("past_position_id", name="pk_past_positions"),
    )
    op.create_index("ix_past_positions_track", "past_positions", ["track_id", "position", "until_at"])
    op.create_index("ix_past_positions_replay", "past_positions", ["replay_id"])
    op.create_index("ix_past_positions_until", "past_positions", ["until_at"])
    op.create_index("ix_tracks_first_seen", "tracks", ["first_seen_at"])
    op.create_index("ix_replays_first_seen", "replays", ["first_seen_at"])
    partial("ix_replays_record", "replays", ["position_since"], "position = 0")
    partial("ix_replays_left", "replays", ["left_at"], "left_at IS NOT NULL")
    partial("ix_tracks_listed", "tracks", ["listed_at"], "status = 'done'")
    for statement in (SQL / "0009_views.sql").read_text(encoding="utf-8").split("\n---\n"):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    raise RuntimeError("the history of leaderboards would be lost: go back to a backup of the database")


def partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)

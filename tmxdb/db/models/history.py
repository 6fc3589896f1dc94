"""The past: positions that replays no longer have, and how many rows were done at which time."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index

from tmxdb.db.models.base import Base, BigId, Mapped, column, partial_index


class PastPositionRow(Base):
    """Positions that replays no longer have. The present ones are in `replays`; the view `leaderboard_at` has both."""

    __tablename__ = "past_positions"

    past_position_id: Mapped[int] = column("number of the row", BigId, primary_key=True)
    track_id: Mapped[int] = column("the track", BigInteger)
    replay_id: Mapped[int] = column("the replay", BigInteger, ForeignKey("replays.replay_id"))
    position: Mapped[int] = column("the position it had, **0 is the record**")
    from_at: Mapped[str | None] = column("when it was first seen there; NULL: before tmxdb kept it")
    last_seen_at: Mapped[str | None] = column("when it was last seen there")
    until_at: Mapped[str] = column("when a listing found it elsewhere, or gone")

    __table_args__ = (
        Index("ix_past_positions_track", "track_id", "position", "until_at"),
        Index("ix_past_positions_replay", "replay_id", "past_position_id"),
        Index("ix_past_positions_until", "until_at"),
        partial_index("past_positions_record", ("until_at",), "position = 0"),
    )


class PastProgressRow(Base):
    """Counts of rows over time: one a minute while workers run; after 2 days one an hour is kept, after 60 one a day.

    The view `progress` has the present counts.
    """

    __tablename__ = "past_progress"

    past_progress_id: Mapped[int] = column("number of the row", BigId, primary_key=True)
    at: Mapped[str] = column("when the rows were counted")
    kind: Mapped[str] = column("`list`, `download`, `extract` or `capture`")
    done: Mapped[int] = column("rows that were done", BigInteger)
    failed: Mapped[int] = column("rows that had failed", BigInteger)
    skipped: Mapped[int] = column("rows that were skipped", BigInteger)
    open: Mapped[int] = column("rows that were pending, running or waiting for a retry", BigInteger)
    bytes: Mapped[int] = column("size of the files of the done rows", BigInteger)

    __table_args__ = (Index("ix_past_progress_at", "at"),)

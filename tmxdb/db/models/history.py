"""The past of leaderboards: positions that replays no longer have."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index

from tmxdb.db.models.base import Base, BigId, Mapped, column


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
    )

"""Captures: one replay under one set of capture settings; its job is `capture`, playing it in the game."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tmxdb.db.models.base import Base, BigId, JobColumns, job_rules


class Capture(JobColumns, Base):
    """A wish for frames of a replay, and what came of it."""

    __tablename__ = "captures"

    capture_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    replay_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("replays.replay_id"))
    track_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("tracks.track_id"))
    settings: Mapped[str]  # JSON with sorted keys: equal settings are equal text
    folder_path: Mapped[str | None]  # relative to the data folder
    frame_count: Mapped[int | None]
    frames_missed: Mapped[int | None]
    race_finished: Mapped[bool | None]
    actual_race_time_ms: Mapped[int | None]
    time_matches: Mapped[bool | None]

    __table_args__ = (
        *job_rules("captures", "capture_id"),
        UniqueConstraint("replay_id", "settings", name="uq_captures_replay_settings"),
        CheckConstraint("status <> 'done' OR folder_path IS NOT NULL", name="done_has_folder"),
        Index("ix_captures_track", "track_id"),
    )

"""The `captures` table: replays to drive in the game under given settings; its kind is `capture`."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint

from tmxdb.db.models.base import Base, BigId, JobColumns, Mapped, column, job_rules, partial_index


class CaptureRow(JobColumns, Base):
    """Capture requests: one replay under one set of capture settings, and what was captured."""

    __tablename__ = "captures"

    capture_id: Mapped[int] = column("number of the request", BigId, primary_key=True)
    replay_id: Mapped[int] = column("the replay to drive", BigInteger, ForeignKey("replays.replay_id"))
    track_id: Mapped[int] = column("its track", BigInteger, ForeignKey("tracks.track_id"))
    settings: Mapped[str] = column("capture settings as JSON with sorted keys: equal settings are equal text")
    folder_path: Mapped[str | None] = column("folder of the frames, relative to the data folder")
    frame_count: Mapped[int | None] = column("frames stored")
    frames_missed: Mapped[int | None] = column("frames dropped because they came late")
    race_finished: Mapped[bool | None] = column("whether the drive crossed the finish line")
    actual_race_time_ms: Mapped[int | None] = column("race time of the drive in the game")
    time_matches: Mapped[bool | None] = column("whether it equals the race time of the replay")

    __table_args__ = (
        *job_rules("captures", "capture_id"),
        UniqueConstraint("replay_id", "settings", name="uq_captures_replay_settings"),
        CheckConstraint("status <> 'done' OR folder_path IS NOT NULL", name="done_has_folder"),
        Index("ix_captures_track", "track_id", "capture_id"),
        # `tmxdb status` adds up frames from it alone.
        partial_index("captures_frames", ("status", "frame_count", "frames_missed"), "status = 'done'"),
    )

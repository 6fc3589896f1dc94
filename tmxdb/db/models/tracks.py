"""Tracks: one row for each entry of the exchange; its job is `list`, asking for its leaderboard.

Field names and meanings of the exchange: tmx-api fact sheet, section 3 (maniaapi-net `TrackItem.cs`).
Numbers such as `difficulty` are the site's own; `docs/schema.md` spells them out.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from tmxdb.db.models.base import Base, BigId, JobColumns, job_rules


class Track(JobColumns, Base):
    """A track as the site lists it, and how far its leaderboard is known."""

    __tablename__ = "tracks"

    track_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    name: Mapped[str | None]
    uid: Mapped[str | None]  # of the current map file
    author_time_ms: Mapped[int | None]
    gold_ms: Mapped[int | None]
    silver_ms: Mapped[int | None]
    bronze_ms: Mapped[int | None]
    author_score: Mapped[int | None]  # stunts points
    uploader_id: Mapped[int | None]
    uploader_name: Mapped[str | None]
    authors: Mapped[str | None]  # JSON: [{"user_id", "name", "role"}]
    uploaded_at: Mapped[str | None]
    updated_at: Mapped[str | None]  # moves when the file is replaced
    activity_at: Mapped[str | None]
    primary_type: Mapped[int | None]
    style: Mapped[int | None]
    tags: Mapped[str | None]  # JSON: [3, 7]
    routes: Mapped[int | None]
    difficulty: Mapped[int | None]
    mood: Mapped[int | None]
    environment: Mapped[int | None]
    car: Mapped[int | None]
    awards: Mapped[int | None]
    comments: Mapped[int | None]
    track_value: Mapped[int | None]
    replay_type: Mapped[int | None]
    has_thumbnail: Mapped[bool | None]
    image_count: Mapped[int | None]
    is_public: Mapped[bool | None]
    author_beaten: Mapped[bool | None]
    unlimiter_version: Mapped[int | None]
    author_comments: Mapped[str | None]
    wr_replay_id: Mapped[int | None] = mapped_column(BigInteger)
    wr_time_ms: Mapped[int | None]
    wr_score: Mapped[int | None]
    wr_user_id: Mapped[int | None]
    wr_user_name: Mapped[str | None]
    oddities: Mapped[str | None]  # JSON: what the API answered that could not be stored as it should
    synced_at: Mapped[str | None]  # when the facts above were last read
    listed_top: Mapped[int | None]  # how many replays the last listing asked for; -1 = all of them
    listed_whole: Mapped[bool | None]  # the board had no more than that
    listed_count: Mapped[int | None]  # replays found by the last listing

    __table_args__ = (
        *job_rules("tracks", "track_id"),
        CheckConstraint("track_id > 0", name="track_id"),
        CheckConstraint("status <> 'done' OR listed_top IS NOT NULL", name="done_is_listed"),
        Index("ix_tracks_uploaded", "uploaded_at", "track_id"),
        Index("ix_tracks_uid", "uid"),
    )

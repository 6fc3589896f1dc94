"""Maps: the challenge file of one track; its job is `extract`.

No two replays of a track embed the same bytes (GBX fact sheet, section 5), so the row says which replay
the file was cut from.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from tmxdb.db.models.base import Base, BigId, JobColumns, job_rules


class Map(JobColumns, Base):
    """The map file of a track and what it says."""

    __tablename__ = "maps"

    track_id: Mapped[int] = mapped_column(BigId, ForeignKey("tracks.track_id"), primary_key=True, autoincrement=False)
    source: Mapped[str | None]  # replay: cut out of one; site: downloaded
    from_replay_id: Mapped[int | None] = mapped_column(BigInteger)
    file_path: Mapped[str | None]  # relative to the data folder
    file_bytes: Mapped[int | None]
    sha256: Mapped[str | None]
    uid: Mapped[str | None]
    uid_matches: Mapped[bool | None]  # it is the track's current map
    name: Mapped[str | None]
    name_plain: Mapped[str | None]
    author: Mapped[str | None]  # a login
    environment: Mapped[str | None]  # as stored: Stadium, Speed (Desert), Alpine (Snow) …
    mood: Mapped[str | None]
    map_type: Mapped[str | None]  # race, platform, puzzle, stunts
    laps: Mapped[int | None]
    is_multilap: Mapped[bool | None]
    checkpoint_count: Mapped[int | None]
    author_ms: Mapped[int | None]
    gold_ms: Mapped[int | None]
    silver_ms: Mapped[int | None]
    bronze_ms: Mapped[int | None]
    author_score: Mapped[int | None]
    cost: Mapped[int | None]
    password_protected: Mapped[bool | None]
    has_intro: Mapped[bool | None]
    intro_ms: Mapped[int | None]
    thumbnail_bytes: Mapped[int | None]
    comments: Mapped[str | None]
    game: Mapped[str | None]
    exever: Mapped[str | None]  # version of the game that wrote it
    unread: Mapped[str | None]  # JSON: parts of the file that were not understood
    facts_version: Mapped[int | None]  # which reader read all this; `tmxdb reread` looks for older ones

    __table_args__ = (
        *job_rules("maps", "track_id"),
        CheckConstraint("source IS NULL OR source IN ('replay', 'site')", name="source"),
        CheckConstraint("status <> 'done' OR source IS NOT NULL", name="done_has_source"),
        CheckConstraint("source <> 'replay' OR from_replay_id IS NOT NULL", name="replay_is_named"),
        CheckConstraint(
            "status <> 'done' OR (file_path IS NOT NULL AND coalesce(file_bytes, 0) > 0"
            " AND coalesce(length(sha256), 0) = 64)",
            name="done_has_file",
        ),
        Index("ix_maps_uid", "uid"),
    )

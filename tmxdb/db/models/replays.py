"""Replays: one row for each run on a leaderboard; its job is `download`.

The first half is what the site says (tmx-api fact sheet, section 4), the second what the file says. Where
both speak of the same thing the site's column begins with `site_`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from tmxdb.db.models.base import Base, BigId, JobColumns, job_rules


class Replay(JobColumns, Base):
    """A replay as the site lists it, and what its file holds."""

    __tablename__ = "replays"

    replay_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    track_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("tracks.track_id"))
    user_id: Mapped[int | None]
    user_name: Mapped[str | None]  # the website account, not the game login
    site_time_ms: Mapped[int | None]
    site_score: Mapped[int | None]  # stunts points
    site_respawns: Mapped[int | None]
    replay_at: Mapped[str | None]  # uploaded
    track_at: Mapped[str | None]  # the version of the track that was driven
    position: Mapped[int | None]  # 0 is the record; NULL is not on the leaderboard
    is_best: Mapped[bool | None]
    is_leaderboard: Mapped[bool | None]
    leaderboard_points: Mapped[int | None]  # the API calls it Score; it is not a time
    validated: Mapped[bool | None]
    oddities: Mapped[str | None]  # JSON, as in tracks
    listed_at: Mapped[str | None]

    file_path: Mapped[str | None]  # relative to the data folder
    file_bytes: Mapped[int | None]
    sha256: Mapped[str | None]
    game: Mapped[str | None]  # TMF, TMU, …
    game_version: Mapped[str | None]
    map_uid: Mapped[str | None]
    map_uid_matches: Mapped[bool | None]  # the file's map is the track's current one
    map_environment: Mapped[str | None]  # as stored: Stadium, Speed (Desert), Alpine (Snow) …
    map_author: Mapped[str | None]  # a login
    finished: Mapped[bool | None]
    race_time_ms: Mapped[int | None]  # NULL: not finished
    stunt_score: Mapped[int | None]
    respawns: Mapped[int | None]  # the game's counter
    respawn_events: Mapped[int | None]  # presses after the start, from the inputs
    checkpoint_count: Mapped[int | None]  # the finish included
    checkpoints_ms: Mapped[str | None]  # JSON: [4170, 6110]
    login: Mapped[str | None]
    nickname: Mapped[str | None]  # with its $-codes
    nickname_plain: Mapped[str | None]
    ghost_uid: Mapped[str | None]
    ghost_count: Mapped[int | None]
    input_count: Mapped[int | None]
    control_names: Mapped[str | None]  # JSON: ["Accelerate", "Steer", …]
    device: Mapped[str | None]  # keyboard, pad, mixed
    validable: Mapped[bool | None]
    sample_period_ms: Mapped[int | None]
    unread: Mapped[str | None]  # JSON: parts of the file that were not understood
    facts_version: Mapped[int | None]  # which reader read all this; `tmxdb reread` looks for older ones

    __table_args__ = (
        *job_rules("replays", "replay_id"),
        CheckConstraint("replay_id > 0", name="replay_id"),
        CheckConstraint("position IS NULL OR position >= 0", name="position"),
        CheckConstraint(
            "status <> 'done' OR (file_path IS NOT NULL AND coalesce(file_bytes, 0) > 0"
            " AND coalesce(length(sha256), 0) = 64)",
            name="done_has_file",
        ),
        Index("ix_replays_track", "track_id", "position"),
    )


class ReplayInputs(Base):
    """What the driver of one replay pressed: kept apart, because it is larger than all the rest of the row.

    One JSON text for a replay, not one row for an event: 400,000 replays hold some 200 million events. The
    view `input_events` gives them as rows.
    """

    __tablename__ = "inputs"

    replay_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("replays.replay_id"), primary_key=True, autoincrement=False
    )
    events: Mapped[str]  # JSON: [[time_ms, "Steer", -65536], …] on the race clock

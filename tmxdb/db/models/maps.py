"""The `maps` table: the challenge file of each track; its kind is `extract`.

The bytes of a map differ in each replay of a track (docs/facts/maps.md), so a row names the replay its file is from.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index

from tmxdb.db.models.base import Base, BigId, JobColumns, Mapped, column, computed, job_rules


class MapRow(JobColumns, Base):
    """Map files: the challenge file of each track, and the facts read from it."""

    __tablename__ = "maps"

    track_id: Mapped[int] = column(
        "the track", BigId, ForeignKey("tracks.track_id"), primary_key=True, autoincrement=False
    )
    source: Mapped[str | None] = column(
        "`replay`: extracted from a replay; `site`: downloaded; `adopted`: taken over by `tmxdb adopt`"
    )
    from_replay_id: Mapped[int | None] = column("the replay it was extracted from", BigInteger)
    file_path: Mapped[str | None] = column("the file, relative to the data folder; an absolute path: adopted in place")
    file_bytes: Mapped[int | None] = column("size of the file")
    sha256: Mapped[str | None] = column("SHA-256 of the file in hexadecimal")
    uid: Mapped[str | None] = column("identity of the challenge")
    uid_matches: Mapped[bool | None] = column("whether it is the track's current map")
    name: Mapped[str | None] = column("name with formatting codes")
    name_plain: Mapped[str | None] = column("name without formatting codes")
    author: Mapped[str | None] = column("login of the author")
    environment: Mapped[str | None] = column("as stored in the file: `Stadium`, `Speed` (desert), `Alpine` (snow), …")
    mood: Mapped[str | None] = column("`Sunrise`, `Day`, `Sunset` or `Night`")
    map_type: Mapped[str | None] = column("`race`, `platform`, `puzzle` or `stunts`")
    laps: Mapped[int | None] = column("laps of a multilap map")
    is_multilap: Mapped[bool | None] = column("whether the map is driven in laps")
    checkpoint_count: Mapped[int | None] = column("checkpoints on the map")
    author_ms: Mapped[int | None] = column("author time")
    gold_ms: Mapped[int | None] = column("gold time")
    silver_ms: Mapped[int | None] = column("silver time")
    bronze_ms: Mapped[int | None] = column("bronze time")
    author_score: Mapped[int | None] = column("author's stunts points")
    cost: Mapped[int | None] = column("coppers the map costs")
    password_protected: Mapped[bool | None] = column("whether editing needs a password")
    has_intro: Mapped[bool | None] = column("whether it has an intro")
    intro_ms: Mapped[int | None] = column("length of the intro")
    thumbnail_bytes: Mapped[int | None] = column("size of the embedded picture")
    comments: Mapped[str | None] = column("the author's comments in the file")
    game: Mapped[str | None] = column("`TMF`, `TMU`, …")
    exever: Mapped[str | None] = column("version of the game that wrote the file")
    unread: Mapped[str | None] = column("JSON: parts of the file that were not understood")
    facts_version: Mapped[int | None] = column("version of the reader; `tmxdb reread` updates older ones")

    environment_name: Mapped[str | None] = computed(
        "the environment by its name in `tracks`: `snow`, `desert`, …",
        "CASE environment WHEN 'Alpine' THEN 'snow' WHEN 'Speed' THEN 'desert' ELSE lower(environment) END",
    )
    mood_name: Mapped[str | None] = computed("the mood by its name in `tracks`: `day`, …", "lower(mood)")
    author_time_ms: Mapped[int | None] = computed("`author_ms` by its name in `tracks`", "author_ms")

    __table_args__ = (
        *job_rules("maps", "track_id"),
        CheckConstraint("source IS NULL OR source = 'replay' OR source = 'site' OR source = 'adopted'", name="source"),
        CheckConstraint("status <> 'done' OR source IS NOT NULL", name="done_has_source"),
        CheckConstraint("source <> 'replay' OR from_replay_id IS NOT NULL", name="replay_is_named"),
        CheckConstraint(
            "status <> 'done' OR (file_path IS NOT NULL AND coalesce(file_bytes, 0) > 0"
            " AND coalesce(length(sha256), 0) = 64)",
            name="done_has_file",
        ),
        Index("ix_maps_uid", "uid", "track_id"),
    )

"""The `tracks` table: entries of the exchange; its kind is `list`, which asks for the leaderboard.

Field names and meanings of the site: docs/facts/tmx-api.md.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Index

from tmxdb.db.models.base import Base, BigId, JobColumns, Mapped, column, job_rules, name_of, partial_index

_TYPES = "0 race, 1 puzzle, 2 platform, 3 stunts, 4 shortcut, 5 laps"
_TAGS = (
    "0 race, 1 stunt, 2 maze, 3 offroad, 4 multilap, 5 fullspeed, 6 lol, 7 tech, 8 speedtech, 9 rpg, 10 pressforward,"
    " 11 trial, 12 grass, 13 story, 14 nascar, 15 speedfun, 16 endurance, 17 altered-nadeo, 18 transitional"
)
_ROUTES = "0 single, 1 multi, 2 symmetric"
_DIFFICULTIES = "0 beginner, 1 intermediate, 2 expert, 3 lunatic"
_MOODS = "0 sunrise, 1 day, 2 sunset, 3 night"
_ENVIRONMENTS = "1 snow, 2 desert, 3 rally, 4 island, 5 coast, 6 bay, 7 stadium"


class TrackRow(JobColumns, Base):
    """Tracks as the site lists them, and how much of each leaderboard is known."""

    __tablename__ = "tracks"

    track_id: Mapped[int] = column(
        "the site's id of the track; negative: a local track, which no exchange knows",
        BigId,
        primary_key=True,
        autoincrement=False,
    )
    name: Mapped[str | None] = column("name of the track")
    uid: Mapped[str | None] = column("identity of the current challenge file")
    author_time_ms: Mapped[int | None] = column("author time")
    gold_ms: Mapped[int | None] = column("gold time")
    silver_ms: Mapped[int | None] = column("silver time")
    bronze_ms: Mapped[int | None] = column("bronze time")
    author_score: Mapped[int | None] = column("author's stunts points")
    uploader_id: Mapped[int | None] = column("id of the website account that uploaded it")
    uploader_name: Mapped[str | None] = column("name of that account")
    authors: Mapped[str | None] = column('JSON list of `{"user_id", "name", "role"}`')
    uploaded_at: Mapped[str | None] = column("when it was first uploaded")
    updated_at: Mapped[str | None] = column("when its file was last replaced")
    activity_at: Mapped[str | None] = column("last activity on the site")
    primary_type: Mapped[int | None] = column(_TYPES)
    style: Mapped[int | None] = column("main style, as in `tags`")
    tags: Mapped[str | None] = column(f"JSON list of numbers, in view `track_tags` as rows: {_TAGS}")
    routes: Mapped[int | None] = column(_ROUTES)
    difficulty: Mapped[int | None] = column(_DIFFICULTIES)
    mood: Mapped[int | None] = column(_MOODS)
    environment: Mapped[int | None] = column(_ENVIRONMENTS)
    car: Mapped[int | None] = column(_ENVIRONMENTS)
    awards: Mapped[int | None] = column("awards the track received")
    comments: Mapped[int | None] = column("comments on the site")
    track_value: Mapped[int | None] = column("the site's track value")
    replay_type: Mapped[int | None] = column("0 standard, 1 classic, 2 Nadeo, 3 uncompetitive, 4 beta, 5 star")
    has_thumbnail: Mapped[bool | None] = column("whether the site has a thumbnail")
    image_count: Mapped[int | None] = column("pictures on the site")
    is_public: Mapped[bool | None] = column("whether it is listed publicly")
    author_beaten: Mapped[bool | None] = column("whether someone beat the author time")
    unlimiter_version: Mapped[int | None] = column("version of TMUnlimiter that the track needs")
    author_comments: Mapped[str | None] = column("the author's comments on the site")
    wr_replay_id: Mapped[int | None] = column("replay of the record", BigInteger)
    wr_time_ms: Mapped[int | None] = column("time of the record")
    wr_score: Mapped[int | None] = column("stunts points of the record")
    wr_user_id: Mapped[int | None] = column("website account of the record holder")
    wr_user_name: Mapped[str | None] = column("name of that account")
    oddities: Mapped[str | None] = column("JSON list: answers of the API that did not fit their column")
    synced_at: Mapped[str | None] = column("when the site was last asked for the facts above")
    first_seen_at: Mapped[str | None] = column("when it came into this database; NULL: before tmxdb kept it")
    first_listed_at: Mapped[str | None] = column("when its leaderboard was first listed")
    listed_at: Mapped[str | None] = column("when its leaderboard was last listed")
    listed_top: Mapped[int | None] = column("how many replays the last listing asked for; -1: all of them")
    listed_whole: Mapped[bool | None] = column("whether the leaderboard had no more than that")
    listed_count: Mapped[int | None] = column("replays that the last listing found")

    primary_type_name: Mapped[str | None] = name_of("primary_type", _TYPES)
    style_name: Mapped[str | None] = name_of("style", _TAGS)
    routes_name: Mapped[str | None] = name_of("routes", _ROUTES)
    difficulty_name: Mapped[str | None] = name_of("difficulty", _DIFFICULTIES)
    mood_name: Mapped[str | None] = name_of("mood", _MOODS)
    environment_name: Mapped[str | None] = name_of("environment", _ENVIRONMENTS)
    car_name: Mapped[str | None] = name_of("car", _ENVIRONMENTS)

    __table_args__ = (
        *job_rules("tracks", "track_id"),
        CheckConstraint("track_id <> 0", name="track_id"),
        CheckConstraint("status <> 'done' OR listed_top IS NOT NULL", name="done_is_listed"),
        Index("ix_tracks_uploaded", "uploaded_at", "track_id"),
        Index("ix_tracks_uid", "uid", "track_id"),
        Index("ix_tracks_name", "name", "track_id"),
        Index("ix_tracks_first_seen", "first_seen_at"),
        partial_index("tracks_listed", ("listed_at",), "status = 'done'"),
    )

"""The `replays` table: runs on leaderboards; its kind is `download`. And `packed_inputs`: what their drivers pressed.

Of each row the first half comes from the site (docs/facts/tmx-api.md), the second from the file. Where both have the
same fact, the site's column begins with `site_`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index

from tmxdb.db.dialect import InputsText
from tmxdb.db.models.base import Base, BigId, JobColumns, Mapped, column, job_rules, partial_index


class ReplayRow(JobColumns, Base):
    """Replays: one run on a leaderboard as the site lists it, its file, and the facts read from the file."""

    __tablename__ = "replays"

    replay_id: Mapped[int] = column(
        "the site's id of the replay; negative: a local replay, which no exchange knows",
        BigId,
        primary_key=True,
        autoincrement=False,
    )
    track_id: Mapped[int] = column("its track", BigInteger, ForeignKey("tracks.track_id"))
    user_id: Mapped[int | None] = column("id of the website account that uploaded it")
    user_name: Mapped[str | None] = column("name of the website account, which is not the game login")
    site_time_ms: Mapped[int | None] = column(
        "race time according to the site; of a local replay, according to the file"
    )
    site_score: Mapped[int | None] = column("stunts points according to the site")
    site_respawns: Mapped[int | None] = column("respawns according to the site")
    replay_at: Mapped[str | None] = column("when it was uploaded")
    track_at: Mapped[str | None] = column("version of the track that was driven, by its upload time")
    position: Mapped[int | None] = column(
        "place on the leaderboard when it was last listed, **0 is the record**; NULL: not on the leaderboard; on a"
        " local track, the place among the local replays"
    )
    is_best: Mapped[bool | None] = column("whether it is the best run of its driver")
    is_leaderboard: Mapped[bool | None] = column("whether it counts for the leaderboard")
    leaderboard_points: Mapped[int | None] = column("points, **not a time**; the API calls it Score")
    validated: Mapped[bool | None] = column("whether the site validated it")
    oddities: Mapped[str | None] = column("JSON list: answers of the API that did not fit their column")
    listed_at: Mapped[str | None] = column("when the leaderboard was last listed with it")
    first_seen_at: Mapped[str | None] = column("when it was first listed; NULL: before tmxdb kept it")
    position_since: Mapped[str | None] = column("since when it has its position; NULL: before tmxdb kept it")
    left_at: Mapped[str | None] = column("when a listing no longer had it")
    left_because: Mapped[str | None] = column(
        "`removed` from the leaderboard, `improved` by its driver, `pushed` below what was listed, or `replaced`:"
        " the track has a newer version"
    )

    file_path: Mapped[str | None] = column("the file, relative to the data folder; an absolute path: adopted in place")
    file_bytes: Mapped[int | None] = column("size of the file")
    sha256: Mapped[str | None] = column("SHA-256 of the file in hexadecimal")
    game: Mapped[str | None] = column("`TMF`, `TMU`, …")
    game_version: Mapped[str | None] = column("version of the game that wrote the file")
    map_uid: Mapped[str | None] = column("identity of the challenge that was driven")
    map_uid_matches: Mapped[bool | None] = column("whether it is the track's current map: authors replace files")
    map_environment: Mapped[str | None] = column(
        "as stored in the file: `Stadium`, `Speed` (desert), `Alpine` (snow), …"
    )
    map_author: Mapped[str | None] = column("login of the author of the map")
    finished: Mapped[bool | None] = column("whether the run crossed the finish line")
    race_time_ms: Mapped[int | None] = column("race time; NULL: not finished")
    stunt_score: Mapped[int | None] = column("stunts points")
    respawns: Mapped[int | None] = column("respawns by the game's counter")
    respawn_events: Mapped[int | None] = column("respawns pressed after the start, from the inputs")
    checkpoint_count: Mapped[int | None] = column("checkpoints crossed, the finish included")
    checkpoints_ms: Mapped[str | None] = column("JSON list of their times, such as `[4170, 6110]`")
    login: Mapped[str | None] = column("game login of the driver")
    nickname: Mapped[str | None] = column("nickname with formatting codes")
    nickname_plain: Mapped[str | None] = column("nickname without formatting codes")
    ghost_uid: Mapped[str | None] = column("identity of the ghost")
    ghost_count: Mapped[int | None] = column("ghosts in the file")
    input_count: Mapped[int | None] = column("input events")
    control_names: Mapped[str | None] = column('JSON list of the controls used, such as `["Accelerate", "Steer"]`')
    device: Mapped[str | None] = column("`keyboard`, `pad` or `mixed`")
    validable: Mapped[bool | None] = column("whether the game can validate the run")
    sample_period_ms: Mapped[int | None] = column("time between two samples of the car's position")
    unread: Mapped[str | None] = column("JSON: parts of the file that were not understood")
    facts_version: Mapped[int | None] = column("version of the reader; `tmxdb reread` updates older ones")

    __table_args__ = (
        *job_rules("replays", "replay_id"),
        CheckConstraint("replay_id <> 0", name="replay_id"),
        CheckConstraint("position IS NULL OR position >= 0", name="position"),
        CheckConstraint(
            "status <> 'done' OR (file_path IS NOT NULL AND coalesce(file_bytes, 0) > 0"
            " AND coalesce(length(sha256), 0) = 64)",
            name="done_has_file",
        ),
        Index("ix_replays_track", "track_id", "position", "replay_id"),
        Index("ix_replays_first_seen", "first_seen_at"),
        partial_index("replays_record", ("position_since",), "position = 0"),
        partial_index("replays_left", ("left_at",), "left_at IS NOT NULL"),
        # Claims of a selection find the pending replays of one track by it, however many others are done or pending.
        partial_index("replays_pending_track", ("track_id", "replay_id"), "status = 'pending'"),
        Index("ix_replays_user", "user_id", "position", "replay_id"),
        # The view `drivers` reads these two instead of the rows: 3 s instead of a minute at 10 million replays.
        Index("ix_replays_user_name", "user_name", "user_id", "position", "track_id"),
        partial_index("replays_runs", ("device", "track_id", "race_time_ms", "respawns", "finished"), "finished"),
        Index("ix_replays_replay_at", "replay_at"),
        Index("ix_replays_listed_at", "listed_at"),
    )


class ReplayInputsRow(Base):
    """Input events of each replay, packed by SQLite: read the view `inputs` or `input_events`.

    A table of their own, because they are larger than the rest of the row. One value for a replay, not one row for an
    event: 400,000 replays hold some 200 million events.
    """

    __tablename__ = "packed_inputs"

    replay_id: Mapped[int] = column(
        "the replay", BigId, ForeignKey("replays.replay_id"), primary_key=True, autoincrement=False
    )
    events: Mapped[str] = column("JSON of the view `inputs`; SQLite stores it packed", InputsText)

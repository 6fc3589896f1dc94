"""The first schema: four tables of jobs, internal tables, views, and the tally.

A revision is history: it repeats the models as they were then and imports nothing of tmxdb.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT, INT, BIG, BOOL, FLOAT = sa.Text(), sa.Integer(), sa.BigInteger(), sa.Boolean(), sa.Float()
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KINDS = {"tracks": "list", "replays": "download", "maps": "extract", "captures": "capture"}
SQL = Path(__file__).resolve().parents[1] / "sql"


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("attempt_id", ID, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("item_id", BIG, nullable=False),
        sa.Column("attempt", INT, nullable=False),
        *nullable(TEXT, "worker", "started_at"),
        sa.Column("ended_at", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("error_code", TEXT, nullable=False),
        sa.Column("error", TEXT, nullable=False),
        check("ck_attempts_outcome", "outcome IN ('retry', 'failed', 'skipped', 'lost')"),
        sa.PrimaryKeyConstraint("attempt_id", name="pk_attempts"),
    )
    op.create_index("ix_attempts_item", "attempts", ["kind", "item_id"])
    op.create_table(
        "politeness",
        sa.Column("id", INT, nullable=False, autoincrement=False),
        *nullable(FLOAT, "rate"),
        sa.Column("next_slot_ms", BIG, nullable=False, server_default="0"),
        sa.Column("paused_until_ms", BIG, nullable=False, server_default="0"),
        *nullable(TEXT, "reason"),
        check("ck_politeness_one_row", "id = 1"),
        check("ck_politeness_rate", "rate IS NULL OR rate > 0"),
        sa.PrimaryKeyConstraint("id", name="pk_politeness"),
    )
    op.create_table(
        "settings",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_settings"),
    )
    op.create_table(
        "syncs",
        sa.Column("scope", TEXT, nullable=False),
        *nullable(BIG, "cursor"),
        sa.Column("pages", INT, nullable=False, server_default="0"),
        sa.Column("tracks_seen", INT, nullable=False, server_default="0"),
        sa.Column("complete", BOOL, nullable=False, server_default="0"),
        *nullable(TEXT, "watermark"),
        sa.Column("started_at", TEXT, nullable=False),
        *nullable(TEXT, "page_at", "finished_at"),
        sa.PrimaryKeyConstraint("scope", name="pk_syncs"),
    )
    op.create_table(
        "tally",
        sa.Column("tally_id", ID, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("n", BIG, nullable=False),
        sa.PrimaryKeyConstraint("tally_id", name="pk_tally"),
    )
    op.create_index("ix_tally_kind", "tally", ["kind", "status"])
    op.create_table(
        "tracks",
        sa.Column("track_id", ID, nullable=False, autoincrement=False),
        *nullable(TEXT, "name", "uid"),
        *nullable(INT, "author_time_ms", "gold_ms", "silver_ms", "bronze_ms", "author_score", "uploader_id"),
        *nullable(TEXT, "uploader_name", "authors", "uploaded_at", "updated_at", "activity_at"),
        *nullable(INT, "primary_type", "style"),
        *nullable(TEXT, "tags"),
        *nullable(
            INT,
            "routes",
            "difficulty",
            "mood",
            "environment",
            "car",
            "awards",
            "comments",
            "track_value",
            "replay_type",
        ),
        *nullable(BOOL, "has_thumbnail"),
        *nullable(INT, "image_count"),
        *nullable(BOOL, "is_public", "author_beaten"),
        *nullable(INT, "unlimiter_version"),
        *nullable(TEXT, "author_comments"),
        *nullable(BIG, "wr_replay_id"),
        *nullable(INT, "wr_time_ms", "wr_score", "wr_user_id"),
        *nullable(TEXT, "wr_user_name", "oddities", "synced_at"),
        *nullable(INT, "listed_top"),
        *nullable(BOOL, "listed_whole"),
        *nullable(INT, "listed_count"),
        *job_columns(),
        check("ck_tracks_done_is_listed", "status <> 'done' OR listed_top IS NOT NULL"),
        check("ck_tracks_track_id", "track_id > 0"),
        sa.PrimaryKeyConstraint("track_id", name="pk_tracks"),
        *job_checks("tracks"),
    )
    op.create_index("ix_tracks_uid", "tracks", ["uid"])
    op.create_index("ix_tracks_uploaded", "tracks", ["uploaded_at", "track_id"])
    job_indexes("tracks", "track_id")
    op.create_table(
        "workers",
        sa.Column("worker_id", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("machine", TEXT, nullable=False),
        sa.Column("pid", INT, nullable=False),
        sa.Column("process_started_ms", BIG, nullable=False),
        sa.Column("kinds", TEXT, nullable=False),
        sa.Column("n", INT, nullable=False),
        sa.Column("started_at", TEXT, nullable=False),
        sa.Column("heartbeat_at", TEXT, nullable=False),
        sa.Column("lease_until", TEXT, nullable=False),
        sa.Column("done", INT, nullable=False, server_default="0"),
        sa.Column("failed", INT, nullable=False, server_default="0"),
        sa.Column("skipped", INT, nullable=False, server_default="0"),
        sa.Column("retried", INT, nullable=False, server_default="0"),
        sa.Column("per_second", TEXT, nullable=False, server_default="{}"),
        sa.PrimaryKeyConstraint("worker_id", name="pk_workers"),
    )
    op.create_table(
        "maps",
        sa.Column("track_id", ID, nullable=False, autoincrement=False),
        *nullable(TEXT, "source"),
        *nullable(BIG, "from_replay_id"),
        *nullable(TEXT, "file_path"),
        *nullable(INT, "file_bytes"),
        *nullable(TEXT, "sha256", "uid"),
        *nullable(BOOL, "uid_matches"),
        *nullable(TEXT, "name", "name_plain", "author", "environment", "mood", "map_type"),
        *nullable(INT, "laps"),
        *nullable(BOOL, "is_multilap"),
        *nullable(INT, "checkpoint_count", "author_ms", "gold_ms", "silver_ms", "bronze_ms", "author_score", "cost"),
        *nullable(BOOL, "password_protected", "has_intro"),
        *nullable(INT, "intro_ms", "thumbnail_bytes"),
        *nullable(TEXT, "comments", "game", "exever", "unread"),
        *nullable(INT, "facts_version"),
        *job_columns(),
        check(
            "ck_maps_done_has_file",
            "status <> 'done' OR (file_path IS NOT NULL AND coalesce(file_bytes, 0) > 0"
            " AND coalesce(length(sha256), 0) = 64)",
        ),
        check("ck_maps_done_has_source", "status <> 'done' OR source IS NOT NULL"),
        check("ck_maps_replay_is_named", "source <> 'replay' OR from_replay_id IS NOT NULL"),
        check("ck_maps_source", "source IS NULL OR source IN ('replay', 'site')"),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.track_id"], name="fk_maps_track_id"),
        sa.PrimaryKeyConstraint("track_id", name="pk_maps"),
        *job_checks("maps"),
    )
    op.create_index("ix_maps_uid", "maps", ["uid"])
    job_indexes("maps", "track_id")
    op.create_table(
        "replays",
        sa.Column("replay_id", ID, nullable=False, autoincrement=False),
        sa.Column("track_id", BIG, nullable=False),
        *nullable(INT, "user_id"),
        *nullable(TEXT, "user_name"),
        *nullable(INT, "site_time_ms", "site_score", "site_respawns"),
        *nullable(TEXT, "replay_at", "track_at"),
        *nullable(INT, "position"),
        *nullable(BOOL, "is_best", "is_leaderboard"),
        *nullable(INT, "leaderboard_points"),
        *nullable(BOOL, "validated"),
        *nullable(TEXT, "oddities", "listed_at", "file_path"),
        *nullable(INT, "file_bytes"),
        *nullable(TEXT, "sha256", "game", "game_version", "map_uid"),
        *nullable(BOOL, "map_uid_matches"),
        *nullable(TEXT, "map_environment", "map_author"),
        *nullable(BOOL, "finished"),
        *nullable(INT, "race_time_ms", "stunt_score", "respawns", "respawn_events", "checkpoint_count"),
        *nullable(TEXT, "checkpoints_ms", "login", "nickname", "nickname_plain", "ghost_uid"),
        *nullable(INT, "ghost_count", "input_count"),
        *nullable(TEXT, "control_names", "device"),
        *nullable(BOOL, "validable"),
        *nullable(INT, "sample_period_ms"),
        *nullable(TEXT, "unread"),
        *nullable(INT, "facts_version"),
        *job_columns(),
        check(
            "ck_replays_done_has_file",
            "status <> 'done' OR (file_path IS NOT NULL AND coalesce(file_bytes, 0) > 0"
            " AND coalesce(length(sha256), 0) = 64)",
        ),
        check("ck_replays_position", "position IS NULL OR position >= 0"),
        check("ck_replays_replay_id", "replay_id > 0"),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.track_id"], name="fk_replays_track_id"),
        sa.PrimaryKeyConstraint("replay_id", name="pk_replays"),
        *job_checks("replays"),
    )
    op.create_index("ix_replays_track", "replays", ["track_id", "position"])
    job_indexes("replays", "replay_id")
    op.create_table(
        "captures",
        sa.Column("capture_id", ID, nullable=False),
        sa.Column("replay_id", BIG, nullable=False),
        sa.Column("track_id", BIG, nullable=False),
        sa.Column("settings", TEXT, nullable=False),
        *nullable(TEXT, "folder_path"),
        *nullable(INT, "frame_count", "frames_missed"),
        *nullable(BOOL, "race_finished"),
        *nullable(INT, "actual_race_time_ms"),
        *nullable(BOOL, "time_matches"),
        *job_columns(),
        check("ck_captures_done_has_folder", "status <> 'done' OR folder_path IS NOT NULL"),
        sa.ForeignKeyConstraint(["replay_id"], ["replays.replay_id"], name="fk_captures_replay_id"),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.track_id"], name="fk_captures_track_id"),
        sa.PrimaryKeyConstraint("capture_id", name="pk_captures"),
        sa.UniqueConstraint("replay_id", "settings", name="uq_captures_replay_settings"),
        *job_checks("captures"),
    )
    op.create_index("ix_captures_track", "captures", ["track_id"])
    job_indexes("captures", "capture_id")
    op.create_table(
        "inputs",
        sa.Column("replay_id", ID, nullable=False, autoincrement=False),
        sa.Column("events", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["replay_id"], ["replays.replay_id"], name="fk_inputs_replay_id"),
        sa.PrimaryKeyConstraint("replay_id", name="pk_inputs"),
    )
    dialect = op.get_bind().dialect.name
    run("0001_views.sql")
    run(f"0001_{dialect}.sql")
    for table, kind in KINDS.items():
        run(f"0001_{dialect}_tally.sql", table=table, kind=kind)


def downgrade() -> None:
    raise RuntimeError("there is no schema before the first one: delete the database instead")


def run(file: str, **names: str) -> None:
    """Run the statements of an SQL file, with {table} and {kind} filled in."""
    for statement in (SQL / file).read_text(encoding="utf-8").split("\n---\n"):
        for name, value in names.items():
            statement = statement.replace("{" + name + "}", value)
        op.get_bind().exec_driver_sql(statement)


def nullable(kind: sa.types.TypeEngine, *names: str) -> list[sa.Column]:
    return [sa.Column(name, kind, nullable=True) for name in names]


def check(name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(name))


def job_columns() -> list[sa.Column]:
    return [
        sa.Column("status", TEXT, nullable=False, server_default="pending"),
        sa.Column("priority", INT, nullable=False, server_default="0"),
        sa.Column("attempts", INT, nullable=False, server_default="0"),
        sa.Column("losses", INT, nullable=False, server_default="0"),
        *nullable(TEXT, "available_at", "claimed_by", "lease_until"),
        sa.Column("claim_token", INT, nullable=False, server_default="0"),
        *nullable(TEXT, "error_code", "error", "finished_at"),
    ]


def job_checks(table: str) -> list[sa.CheckConstraint]:
    finished = "'done', 'failed', 'skipped'"
    rules = {
        "status": f"status IN ('pending', 'running', 'retry', {finished})",
        "attempts": "attempts >= 0",
        "losses": "losses >= 0",
        "running_is_claimed": "(status = 'running') = (claimed_by IS NOT NULL)"
        " AND (status = 'running') = (lease_until IS NOT NULL)",
        "retry_has_time": "(status = 'retry') = (available_at IS NOT NULL)",
        "finished_has_time": f"(status IN ({finished})) = (finished_at IS NOT NULL)",
        "has_reason": "status NOT IN ('failed', 'skipped', 'retry') OR error_code IS NOT NULL",
    }
    return [check(f"ck_{table}_{name}", rule) for name, rule in rules.items()]


def job_indexes(table: str, key: str) -> None:
    for name, columns, condition in (
        ("pending", ["priority", key], "status = 'pending'"),
        ("retry", ["available_at"], "status = 'retry'"),
        ("running", ["lease_until"], "status = 'running'"),
        ("error", ["error_code", "status"], "error_code IS NOT NULL"),
    ):
        where = sa.text(condition)
        op.create_index(f"ix_{table}_{name}", table, columns, sqlite_where=where, postgresql_where=where)

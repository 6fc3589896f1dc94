"""The tables: models, migrations and CHECKs say the same, on both engines."""

from __future__ import annotations

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, PrimaryKeyConstraint, UniqueConstraint, exc, inspect, text

from tests.rows import NOW, Rows
from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.models import STATUSES, Base, CaptureRow, MapRow, ReplayRow, TrackRow, table_of

JOB_MODELS = (TrackRow, ReplayRow, MapRow, CaptureRow)
KEYS = {TrackRow: "track_id", ReplayRow: "replay_id", MapRow: "track_id", CaptureRow: "capture_id"}


# Alembic compares the text of computed columns, which PostgreSQL rewrites; a test of the views compares their values.
@pytest.mark.filterwarnings("ignore:Computed default on")
def test_migrations_and_models_agree(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_and_models_agree_on_every_check_by_name(database: Database) -> None:
    with database.read() as connection:
        inspector = inspect(connection)
        found = {(t, c["name"]) for t in Base.metadata.tables for c in inspector.get_check_constraints(t)}
    wanted = {
        (table.name, constraint.name)
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert found == wanted


def test_migrations_and_models_agree_on_the_conditions_of_partial_indexes(sqlite: Database) -> None:
    with sqlite.read() as connection:
        found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index'"))
        made = dict(found.fetchall())
    for table in Base.metadata.tables.values():
        for index in table.indexes:
            where = index.dialect_options["sqlite"]["where"]
            assert where is None or made[index.name].endswith(f"WHERE {where}")


def test_models_create_the_same_checks_as_the_migrations(sqlite: Database, tmp_path: Any) -> None:
    from_models = Database(str(tmp_path / "models.db"))
    with from_models.write() as connection:
        Base.metadata.create_all(connection)
    assert _checks(from_models) == _checks(sqlite)
    from_models.close()


def _checks(database: Database) -> dict[str, dict[str, str]]:
    with database.read() as connection:
        inspector = inspect(connection)
        return {
            table: {
                str(check["name"]): " ".join(check["sqltext"].split())
                for check in inspector.get_check_constraints(table)
            }
            for table in Base.metadata.tables
        }


@pytest.mark.parametrize("model", JOB_MODELS)
@pytest.mark.parametrize("status", STATUSES)
def test_every_status_is_valid_in_a_row(rows: Rows, model: type[Base], status: str) -> None:
    _row(rows, model, status, {})
    assert rows.one(model, 1)["status"] == status


# Each line: a row of this status …, which these columns make impossible, and the rule that says so.
IMPOSSIBLE = [
    ("pending", {"status": "paused"}, "status"),
    ("pending", {"status": ""}, "status"),
    ("pending", {"attempts": -1}, "attempts"),
    ("pending", {"losses": -1}, "losses"),
    ("pending", {"claimed_by": "a-worker"}, "running_is_claimed"),
    ("running", {"claimed_by": None}, "running_is_claimed"),
    ("done", {"claimed_by": "a-worker"}, "running_is_claimed"),
    ("retry", {"available_at": None}, "retry_has_time"),
    ("pending", {"available_at": iso(NOW)}, "retry_has_time"),
    ("done", {"finished_at": None}, "finished_has_time"),
    ("failed", {"finished_at": None}, "finished_has_time"),
    ("skipped", {"finished_at": None}, "finished_has_time"),
    ("pending", {"finished_at": iso(NOW)}, "finished_has_time"),
    ("running", {"finished_at": iso(NOW)}, "finished_has_time"),
    ("failed", {"error_code": None}, "has_reason"),
    ("skipped", {"error_code": None}, "has_reason"),
    ("retry", {"error_code": None}, "has_reason"),
]
OWN_RULES = [
    (TrackRow, "pending", {"track_id": 0}, "track_id"),
    (TrackRow, "done", {"listed_top": None}, "done_is_listed"),
    (ReplayRow, "pending", {"replay_id": 0}, "replay_id"),
    (ReplayRow, "pending", {"position": -1}, "position"),
    (ReplayRow, "done", {"file_path": None}, "done_has_file"),
    (ReplayRow, "done", {"file_bytes": 0}, "done_has_file"),
    (ReplayRow, "done", {"file_bytes": None}, "done_has_file"),
    (ReplayRow, "done", {"sha256": "abc"}, "done_has_file"),
    (ReplayRow, "done", {"sha256": None}, "done_has_file"),
    (MapRow, "pending", {"source": "friend"}, "source"),
    (MapRow, "done", {"source": None}, "done_has_source"),
    (MapRow, "done", {"source": "replay"}, "replay_is_named"),
    (MapRow, "done", {"file_path": None}, "done_has_file"),
    (MapRow, "done", {"file_bytes": None}, "done_has_file"),
    (MapRow, "done", {"sha256": None}, "done_has_file"),
    (CaptureRow, "done", {"folder_path": None}, "done_has_folder"),
]


@pytest.mark.parametrize("model", JOB_MODELS)
def test_the_checks_of_job_columns_reject_invalid_rows(rows: Rows, model: type[Base]) -> None:
    for status, columns, rule in IMPOSSIBLE:
        with pytest.raises(exc.IntegrityError, match=f"ck_{model.__tablename__}_{rule}"):
            _row(rows, model, status, columns)


def test_the_checks_of_each_table_reject_invalid_rows(rows: Rows) -> None:
    for model, status, columns, rule in OWN_RULES:
        with pytest.raises(exc.IntegrityError, match=f"ck_{model.__tablename__}_{rule}"):
            _row(rows, model, status, columns)


def test_the_checks_of_internal_tables_reject_invalid_rows(rows: Rows) -> None:
    for statement, rule in (
        ("INSERT INTO rate_limit (id) VALUES (2)", "ck_rate_limit_one_row"),
        ("INSERT INTO rate_limit (id, rate) VALUES (1, 0)", "ck_rate_limit_rate"),
        (
            "INSERT INTO adopted_files (path, file_bytes, modified_ns, outcome) VALUES ('', 0, 0, 'lost')",
            "ck_adopted_files_outcome",
        ),
        (
            "INSERT INTO attempts (kind, item_id, attempt, ended_at, outcome, error_code, error)"
            " VALUES ('list', 1, 1, '', 'done', '', '')",
            "ck_attempts_outcome",
        ),
    ):
        with pytest.raises(exc.IntegrityError, match=rule):
            rows.write(statement)


def test_every_check_is_tested() -> None:
    tested = {f"ck_{model.__tablename__}_{rule}" for _, _, rule in IMPOSSIBLE for model in JOB_MODELS}
    tested |= {f"ck_{model.__tablename__}_{rule}" for model, _, _, rule in OWN_RULES}
    tested |= {"ck_rate_limit_one_row", "ck_rate_limit_rate", "ck_attempts_outcome", "ck_adopted_files_outcome"}
    assert tested == {
        constraint.name
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }


def test_a_row_of_a_missing_track_is_rejected(rows: Rows) -> None:
    with pytest.raises(exc.IntegrityError):
        rows.add(ReplayRow, "pending", {"replay_id": 1, "track_id": 99})


def test_the_same_capture_cannot_be_requested_twice(rows: Rows) -> None:
    rows.capture(1, settings='{"fps": 10}')
    rows.capture(2, settings='{"fps": 20}')
    with pytest.raises(exc.IntegrityError, match=r"uq_captures|captures\.replay_id, captures\.settings"):
        rows.capture(3, settings='{"fps": 10}')


def test_every_job_table_has_the_same_indexes_for_the_queue(database: Database) -> None:
    with database.read() as connection:
        inspector = inspect(connection)
        for model in JOB_MODELS:
            table = table_of(model)
            names = {
                str(index["name"]).removeprefix(f"ix_{table.name}_") for index in inspector.get_indexes(table.name)
            }
            assert {"pending", "retry", "running", "error"} <= names


# Their columns cannot be the same in all rows, or they are searched for ranges only.
WITHOUT_KEY = {
    *("ix_replays_user_name", "ix_replays_runs", "ix_past_positions_track", "ix_adopted_files_sha256"),
    *("ix_replays_first_seen", "ix_replays_record", "ix_replays_left", "ix_replays_replay_at", "ix_replays_listed_at"),
    *("ix_tracks_first_seen", "ix_tracks_listed", "ix_past_positions_until", "ix_captures_frames"),
    *(f"ix_{table_of(model).name}_retry" for model in JOB_MODELS),
    *("ix_past_positions_record", "ix_past_progress_at"),
    "ix_tally_kind",  # few rows
}


def test_indexes_that_are_searched_for_one_value_contain_a_key() -> None:
    for table in Base.metadata.tables.values():
        unique = [item for item in table.constraints if isinstance(item, PrimaryKeyConstraint | UniqueConstraint)]
        for index in table.indexes:
            columns = set(index.columns)
            assert any(columns >= set(key.columns) for key in unique) != (index.name in WITHOUT_KEY), index.name


def _row(rows: Rows, model: type[Base], status: str, columns: dict[str, Any]) -> None:
    if model is not TrackRow and not rows.one(TrackRow, 1):
        rows.track(1)
    if model is CaptureRow and not rows.one(ReplayRow, 1):
        rows.replay(1)
    needed: dict[str, Any] = {KEYS[model]: 1}
    if model is ReplayRow:
        needed["track_id"] = 1
    if model is CaptureRow:
        needed |= {"replay_id": 1, "track_id": 1, "settings": "{}"}
    rows.add(model, status, {**needed, **columns})

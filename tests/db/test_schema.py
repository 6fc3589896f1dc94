"""The tables: models, migrations and CHECKs say the same, on both engines."""

from __future__ import annotations

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, exc, inspect, text

from tests.rows import NOW, Rows
from tmxdb.clock import iso
from tmxdb.db.engine import Database
from tmxdb.db.models import STATUSES, Base, Capture, Map, Replay, Track, table_of

JOB_MODELS = (Track, Replay, Map, Capture)
KEYS = {Track: "track_id", Replay: "replay_id", Map: "track_id", Capture: "capture_id"}


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


def test_models_make_the_same_checks_as_the_migrations(sqlite: Database, tmp_path: Any) -> None:
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
def test_a_row_of_every_status_is_possible(rows: Rows, model: type[Base], status: str) -> None:
    _row(rows, model, status, {})
    assert rows.one(model, 1)["status"] == status


# Each line: a row of this status …, which these columns make impossible, and the rule that says so.
IMPOSSIBLE = [
    ("pending", {"status": "paused"}, "status"),
    ("pending", {"status": ""}, "status"),
    ("pending", {"attempts": -1}, "attempts"),
    ("pending", {"losses": -1}, "losses"),
    ("pending", {"claimed_by": "somebody"}, "running_is_claimed"),
    ("pending", {"lease_until": iso(NOW)}, "running_is_claimed"),
    ("running", {"claimed_by": None}, "running_is_claimed"),
    ("running", {"lease_until": None}, "running_is_claimed"),
    ("running", {"claimed_by": None, "lease_until": None}, "running_is_claimed"),
    ("done", {"claimed_by": "somebody", "lease_until": iso(NOW)}, "running_is_claimed"),
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
    (Track, "pending", {"track_id": 0}, "track_id"),
    (Track, "done", {"listed_top": None}, "done_is_listed"),
    (Replay, "pending", {"replay_id": -1}, "replay_id"),
    (Replay, "pending", {"position": -1}, "position"),
    (Replay, "done", {"file_path": None}, "done_has_file"),
    (Replay, "done", {"file_bytes": 0}, "done_has_file"),
    (Replay, "done", {"file_bytes": None}, "done_has_file"),
    (Replay, "done", {"sha256": "abc"}, "done_has_file"),
    (Replay, "done", {"sha256": None}, "done_has_file"),
    (Map, "pending", {"source": "friend"}, "source"),
    (Map, "done", {"source": None}, "done_has_source"),
    (Map, "done", {"source": "replay"}, "replay_is_named"),
    (Map, "done", {"file_path": None}, "done_has_file"),
    (Map, "done", {"file_bytes": None}, "done_has_file"),
    (Map, "done", {"sha256": None}, "done_has_file"),
    (Capture, "done", {"folder_path": None}, "done_has_folder"),
]


@pytest.mark.parametrize("model", JOB_MODELS)
def test_the_rules_of_jobs_keep_impossible_rows_out(rows: Rows, model: type[Base]) -> None:
    for status, columns, rule in IMPOSSIBLE:
        with pytest.raises(exc.IntegrityError, match=f"ck_{model.__tablename__}_{rule}"):
            _row(rows, model, status, columns)


def test_the_rules_of_each_table_keep_impossible_rows_out(rows: Rows) -> None:
    for model, status, columns, rule in OWN_RULES:
        with pytest.raises(exc.IntegrityError, match=f"ck_{model.__tablename__}_{rule}"):
            _row(rows, model, status, columns)


def test_the_house_books_keep_impossible_rows_out(rows: Rows) -> None:
    for statement, rule in (
        ("INSERT INTO politeness (id) VALUES (2)", "ck_politeness_one_row"),
        ("INSERT INTO politeness (id, rate) VALUES (1, 0)", "ck_politeness_rate"),
        (
            "INSERT INTO attempts (kind, item_id, attempt, ended_at, outcome, error_code, error)"
            " VALUES ('list', 1, 1, '', 'done', '', '')",
            "ck_attempts_outcome",
        ),
    ):
        with pytest.raises(exc.IntegrityError, match=rule):
            rows.write(statement)


def test_no_rule_is_without_a_test() -> None:
    tested = {f"ck_{model.__tablename__}_{rule}" for _, _, rule in IMPOSSIBLE for model in JOB_MODELS}
    tested |= {f"ck_{model.__tablename__}_{rule}" for model, _, _, rule in OWN_RULES}
    tested |= {"ck_politeness_one_row", "ck_politeness_rate", "ck_attempts_outcome"}
    assert tested == {
        constraint.name
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }


def test_a_row_of_a_track_that_is_not_there_is_refused(rows: Rows) -> None:
    with pytest.raises(exc.IntegrityError):
        rows.add(Replay, "pending", {"replay_id": 1, "track_id": 99})


def test_the_same_capture_can_not_be_asked_for_twice(rows: Rows) -> None:
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


def _row(rows: Rows, model: type[Base], status: str, columns: dict[str, Any]) -> None:
    if model is not Track and not rows.one(Track, 1):
        rows.track(1)
    if model is Capture and not rows.one(Replay, 1):
        rows.replay(1)
    needed: dict[str, Any] = {KEYS[model]: 1}
    if model is Replay:
        needed["track_id"] = 1
    if model is Capture:
        needed |= {"replay_id": 1, "track_id": 1, "settings": "{}"}
    rows.add(model, status, {**needed, **columns})

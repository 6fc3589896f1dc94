"""An upgrade keeps what users made in the database, or refuses with a sentence and changes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import inspect

from tests.conftest import PostgresServer
from tests.db.upgrades import old
from tests.db.upgrades.conftest import OLDER, Older
from tests.rows import Rows
from tests.tool import Tool, tool
from tmxdb.db.database import Database
from tmxdb.db.dialect import is_postgresql
from tmxdb.db.migrate import HEAD, upgrade
from tmxdb.db.user_objects.own_names import OWN_RELATIONS, OWN_VIEWS, is_own_trigger
from tmxdb.errors import DatabaseError

__all__ = ["tool"]

VIEWS = {
    "my_inputs": "SELECT replay_id, events FROM inputs",
    "my_events": "SELECT replay_id, number, time_ms FROM input_events",
    "my_jobs": "SELECT kind, item_id, status FROM jobs",
    "my_missing": "SELECT kind, item_id FROM missing",
    "my_failures": "SELECT kind, status, error_code, n FROM failures WHERE error_code NOT LIKE '100%:mine'",
    "my_progress": "SELECT kind, status, n FROM progress",
    "my_board": "SELECT track_id, replay_id, rank FROM leaderboard",
    "my_tracks": "SELECT track_id, replays FROM track_progress",
    "my_rate": "SELECT id, reason FROM politeness",
    "my_checkpoints": "SELECT * FROM checkpoint_times",
    "my_replays": "SELECT replay_id, status FROM replays",
    "my_open": "SELECT my_jobs.kind FROM my_jobs JOIN my_missing ON my_jobs.item_id = my_missing.item_id",
    "a_first_one": "SELECT count(*) AS n FROM my_open",
}
"""Views of a user, of tables and views that every revision has, and of each other."""
only_sqlite = pytest.mark.parametrize("new_location", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("new_location", ["postgresql"], indirect=True)


def make(database: Database, *statements: str) -> None:
    with database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%") if is_postgresql(connection) else statement)


def contents(database: Database) -> dict[str, list[Any]]:
    return {name: sorted(map(tuple, Rows(database).sql(f"SELECT * FROM {name}")), key=str) for name in VIEWS}


def everything(database: Database) -> tuple[object, ...]:
    return old.everything(database), old.schema(database), Rows(database).sql("SELECT version_num FROM alembic_version")


def refusal(database: Database) -> str:
    """Return why the database is not upgraded, without its name; it must be as it was before."""
    before = everything(database)
    with pytest.raises(DatabaseError) as caught:
        upgrade(database)
    assert everything(database) == before
    database.close()
    assert caught.value.code == "db.conflict"
    assert "Nothing was changed." in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("revision", OLDER)
def test_an_upgrade_keeps_views_of_users_with_their_rows(older: Older, revision: str) -> None:
    database, _ = older(revision)
    make(database, *(f"CREATE VIEW {name} AS {query}" for name, query in VIEWS.items()))
    before, definitions = contents(database), sql_of_users(database)
    assert all(before.values())
    assert upgrade(database) == (revision, HEAD)
    assert contents(database) == before
    assert sql_of_users(database) == definitions
    database.close()


def sql_of_users(database: Database) -> dict[str, str]:
    """Return the definitions of the views of users. On a server, those of tables may name a renamed table."""
    query = (
        "SELECT name, sql FROM sqlite_master WHERE type = 'view'"
        if database.path is not None
        else "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'"
    )
    return {
        name: sql
        for name, sql in Rows(database).sql(query)
        if name in VIEWS and (database.path is not None or name not in ("my_inputs", "my_rate"))
    }


@pytest.mark.parametrize("revision", [*OLDER, HEAD])
def test_the_own_names_are_those_of_every_revision(older: Older, revision: str) -> None:
    database, _ = older(revision)
    with database.read() as connection:
        assert set(inspect(connection).get_table_names()) - {"alembic_version"} <= OWN_RELATIONS
        assert set(inspect(connection).get_view_names()) <= OWN_VIEWS
        if not is_postgresql(connection):
            triggers = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars()
            assert [name for name in triggers if not is_own_trigger(name)] == []
    database.close()


@pytest.mark.parametrize("revision", ["0001", "0003"])
def test_a_view_of_a_column_that_is_dropped_stops_the_upgrade(older: Older, tool: Tool, revision: str) -> None:
    database, _ = older(revision)
    make(database, "CREATE VIEW leased AS SELECT track_id, lease_until FROM tracks")
    reason = refusal(database)
    if database.path is not None:
        assert reason.endswith(
            "the upgrade would break the view leased: no such column: lease_until. Nothing was changed. Change or drop"
            " the view, then run the same command again."
        )
    else:
        assert "(view leased depends on column lease_until of table tracks). Nothing was changed. Drop" in reason
    assert tool("--db", database.location, "migrate", ends=1).error == f"Error: {reason}"
    make(database, "DROP VIEW leased")
    assert upgrade(database) == (revision, HEAD)
    database.close()


@pytest.mark.parametrize("kind", ["VIEW", "TABLE"])
def test_a_name_that_a_later_revision_needs_stops_the_upgrade(older: Older, kind: str) -> None:
    database, _ = older("0007")
    make(database, f"CREATE {kind} drivers AS SELECT 1 AS one")
    reason = refusal(database)
    assert "the upgrade needs a name that is in use: " in reason
    assert 'drivers" already exists' in reason or "drivers already exists" in reason


@only_sqlite
def test_a_view_that_was_broken_before_does_not_stop_the_upgrade(older: Older) -> None:
    database, _ = older("0003")
    make(
        database,
        "CREATE VIEW mine AS SELECT my_function(name) AS n FROM tracks",
        "CREATE VIEW gone AS SELECT * FROM no",
    )
    upgrade(database)
    assert Rows(database).sql("SELECT name FROM sqlite_master WHERE name IN ('mine', 'gone')") == [("mine",), ("gone",)]
    database.close()


@only_sqlite
@pytest.mark.parametrize("revision", OLDER)
def test_an_upgrade_keeps_indexes_triggers_and_tables_of_users(older: Older, revision: str) -> None:
    database, _ = older(revision)
    make(
        database,
        "CREATE TABLE notes (replay_id INTEGER REFERENCES replays(replay_id), note TEXT)",
        "INSERT INTO notes SELECT replay_id, 'old' FROM replays",
        "CREATE INDEX my_names ON tracks (lower(name)) WHERE name IS NOT NULL",
        # Their bodies name tables that are copied, and a table that is renamed.
        "CREATE TRIGGER noted AFTER DELETE ON notes BEGIN"
        " UPDATE replays SET position = 7 WHERE replay_id = OLD.replay_id; END",
        "CREATE TRIGGER listed AFTER UPDATE OF name ON tracks BEGIN"
        " INSERT INTO notes SELECT replay_id, events FROM inputs; END",
        "CREATE VIEW mine AS SELECT replay_id, note FROM notes",
        "CREATE TRIGGER written INSTEAD OF INSERT ON mine BEGIN INSERT INTO notes VALUES (NEW.replay_id, NEW.note);"
        " END",
        "CREATE TRIGGER ranked INSTEAD OF DELETE ON leaderboard BEGIN"
        " DELETE FROM notes WHERE replay_id = OLD.replay_id; END",
    )
    kept = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name IN ('my_names', 'noted', 'listed', 'notes',"
    kept += " 'written', 'ranked', 'mine') ORDER BY name"
    before = Rows(database).sql(kept)
    assert len(before) == 7
    assert upgrade(database) == (revision, HEAD)
    rows = Rows(database)
    assert rows.sql(kept) == before
    rows.write("INSERT INTO mine VALUES (1, 'new')")
    rows.write("UPDATE tracks SET name = 'x' WHERE track_id = 1")
    assert '[[0,"Steer",-65536],[10,"Gas",1]]' in {note for (note,) in rows.sql("SELECT note FROM notes")}
    rows.write("DELETE FROM leaderboard WHERE replay_id = 1")
    assert rows.sql("SELECT count(*) FROM notes WHERE replay_id = 1") == [(0,)]
    assert rows.sql("SELECT position FROM replays WHERE replay_id = 1") == [(7,)]
    database.close()


@only_sqlite
@pytest.mark.parametrize("revision", OLDER)
def test_rows_that_lacked_the_rows_they_refer_to_do_not_stop_the_upgrade(older: Older, revision: str) -> None:
    database, _ = older(revision)
    file = sqlite3.connect(database.location)  # which checks no references
    with file:
        file.execute("CREATE TABLE notes (replay_id INTEGER REFERENCES replays(replay_id), note TEXT)")
        file.execute("INSERT INTO notes VALUES (12345, 'of a replay that is not here')")
        file.execute("DELETE FROM replays WHERE replay_id = 100")
    file.close()
    assert upgrade(database) == (revision, HEAD)
    assert Rows(database).sql("SELECT replay_id FROM notes") == [(12345,)]
    database.close()


@only_sqlite
def test_a_trigger_that_would_prevent_a_change_stops_the_upgrade(older: Older) -> None:
    database, _ = older("0011")
    make(database, "CREATE TRIGGER tidy AFTER DELETE ON replays BEGIN DELETE FROM inputs WHERE replay_id = 0; END")
    assert "would break the trigger tidy: cannot modify inputs because it is a view." in refusal(database)


@only_sqlite
def test_a_trigger_on_a_table_that_becomes_a_view_stops_the_upgrade(older: Older) -> None:
    database, _ = older("0011")
    make(database, "CREATE TRIGGER watch AFTER INSERT ON inputs BEGIN SELECT NEW.events; END")
    assert "would break the trigger watch: cannot create AFTER trigger on view: " in refusal(database)


@pytest.fixture
def analyst(server: PostgresServer, new_location: str) -> Iterator[str]:
    """A role of the server that owns nothing yet."""
    server.execute('CREATE ROLE "an Analyst"')
    yield '"an Analyst"'
    server.drop(new_location)
    server.execute('DROP ROLE "an Analyst"')


@only_postgresql
@pytest.mark.parametrize("revision", OLDER)
def test_a_server_keeps_all_that_belongs_to_views(older: Older, analyst: str, revision: str) -> None:
    database, _ = older(revision)
    statements = f"""
        CREATE SCHEMA theirs AUTHORIZATION {analyst};
        GRANT USAGE, CREATE ON SCHEMA public TO {analyst};
        GRANT SELECT ON replays, inputs, failures, politeness TO {analyst};
        GRANT SELECT (track_id, rank) ON leaderboard TO {analyst} WITH GRANT OPTION;
        GRANT SELECT ON jobs TO PUBLIC;
        COMMENT ON VIEW leaderboard IS 'it''s 100%';
        CREATE FUNCTION ignore() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER ranked INSTEAD OF DELETE ON leaderboard FOR EACH ROW EXECUTE FUNCTION ignore();
        CREATE VIEW theirs."Mine" WITH (security_barrier=true) AS
          SELECT kind, item_id FROM jobs WHERE status LIKE '%e%';
        COMMENT ON VIEW theirs."Mine" IS 'mine';
        COMMENT ON COLUMN theirs."Mine".kind IS 'the kind';
        ALTER VIEW theirs."Mine" OWNER TO {analyst};
        CREATE TRIGGER written INSTEAD OF INSERT ON theirs."Mine" FOR EACH ROW EXECUTE FUNCTION ignore();
        CREATE RULE dropped AS ON DELETE TO theirs."Mine" DO INSTEAD NOTHING;
        CREATE MATERIALIZED VIEW counted AS
          SELECT kind, count(*) AS n, CAST(current_user AS text) AS reader FROM theirs."Mine" GROUP BY 1 WITH NO DATA;
        CREATE UNIQUE INDEX by_kind ON counted (kind);
        ALTER MATERIALIZED VIEW counted OWNER TO {analyst};
        REFRESH MATERIALIZED VIEW counted;
        CREATE MATERIALIZED VIEW empty AS SELECT kind FROM counted WITH NO DATA;
        GRANT SELECT ON empty TO {analyst}
    """
    make(database, *statements.split(";\n"))
    before, counted = server_state(database), Rows(database).sql("SELECT * FROM counted ORDER BY kind")
    assert {reader for *_, reader in counted} == {"an Analyst"}
    assert upgrade(database) == (revision, HEAD)
    assert server_state(database) == before
    assert Rows(database).sql("SELECT * FROM counted ORDER BY kind") == counted
    with pytest.raises(Exception, match="has not been populated"):
        Rows(database).sql("SELECT * FROM empty")
    database.close()


def server_state(database: Database) -> set[Any]:
    """Return owners, options, grants, comments, indexes, triggers and rules of the views in the test above."""
    names = "('leaderboard', 'jobs', 'failures', 'politeness', 'inputs', 'Mine', 'counted', 'empty')"
    views = f"pg_class WHERE relname IN {names} AND relkind IN ('r', 'v', 'm')"
    oids = f"IN (SELECT oid FROM {views})"
    queries = (
        f"SELECT relname, relnamespace::regnamespace::text, relowner::regrole::text, reloptions::text FROM {views}",
        "SELECT relname, grantee, privilege_type, is_grantable FROM (SELECT relname, relowner, relacl, relkind FROM"
        f" {views}) AS found, aclexplode(relacl) WHERE grantee <> relowner",
        "SELECT attrelid::regclass::text, attname, attacl::text FROM pg_attribute"
        f" WHERE attrelid {oids} AND attacl IS NOT NULL",
        f"SELECT objoid::regclass::text, objsubid, description FROM pg_description WHERE objoid {oids}",
        f"SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid {oids} AND NOT indisprimary",
        f"SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid {oids} AND NOT tgisinternal",
        f"SELECT pg_get_ruledef(oid) FROM pg_rewrite WHERE ev_class {oids} AND rulename <> '_RETURN'",
    )
    return {tuple(row) for query in queries for row in Rows(database).sql(query)}


@only_postgresql
def test_an_object_that_cannot_be_created_again_stops_the_upgrade(older: Older) -> None:
    database, _ = older("0007")
    make(database, "CREATE FUNCTION best(l leaderboard) RETURNS text LANGUAGE sql AS 'SELECT l.user_name'")
    assert "function best(leaderboard) depends on type leaderboard" in refusal(database)


@only_postgresql
def test_a_view_of_a_renamed_column_follows_it_on_a_server(older: Older) -> None:
    database, _ = older("0003")
    make(database, "CREATE VIEW widths AS SELECT worker_id, width FROM workers")
    before = Rows(database).sql("SELECT * FROM widths ORDER BY worker_id")
    upgrade(database)
    assert Rows(database).sql("SELECT * FROM widths ORDER BY worker_id") == before
    database.close()

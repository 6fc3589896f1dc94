"""A PostgreSQL server that refuses a connection or a statement, and a URL that leads nowhere, are one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

import tmxdb
from tests.conftest import PostgresServer
from tmxdb.db.database import Database, shown
from tmxdb.db.migrate import ensure_current, upgrade
from tmxdb.db.reading.reader import Reader
from tmxdb.errors import DatabaseError

As = Callable[[str], str]


@pytest.fixture(scope="module")
def roles(server: PostgresServer) -> Iterator[None]:
    """Roles that may do less than the owner: `barred` needs a password and `full` has no connection left."""
    rules = Path(server._server.pgdata) / "pg_hba.conf"
    before = rules.read_text("utf-8")
    rules.write_text(f"local all barred scram-sha-256\n{before}", "utf-8")
    server.execute(
        "CREATE ROLE barred LOGIN PASSWORD 'right'",
        "CREATE ROLE full_up LOGIN CONNECTION LIMIT 0",
        "CREATE ROLE nologin",
        "CREATE ROLE guest LOGIN",
        "SELECT pg_reload_conf()",
    )
    yield
    rules.write_text(before, "utf-8")
    server.execute("DROP ROLE barred", "DROP ROLE full_up", "DROP ROLE nologin", "DROP ROLE guest")


@pytest.fixture
def url_as(server: PostgresServer, roles: None) -> As:
    """Return the URL of the server for a user."""
    return lambda user: server.url("shared").replace("postgres@", f"{user}@")


def refused(url: str) -> DatabaseError:
    database = Database(url)
    try:
        with pytest.raises(DatabaseError) as caught:
            ensure_current(database)
    finally:
        database.close()
    return caught.value


@pytest.mark.parametrize(
    ("user", "code", "reason", "advice"),
    [
        ("barred:wrong", "db.refused", "password authentication failed", "Check the user name and the password"),
        ("barred", "db.refused", "no password supplied", "Give it in the URL"),
        ("nobody", "db.refused", 'role "nobody" does not exist', "Check the user name"),
        ("nologin", "db.refused", "is not permitted to log in", "Give a role that may log in"),
        ("full_up", "db.unreachable", "too many connections", "All its connections are in use"),
        ("guest", "db.permission", "permission denied for table alembic_version", "Ask the owner for this right"),
    ],
)
def test_a_refused_user_is_told_what_to_do(url_as: As, user: str, code: str, reason: str, advice: str) -> None:
    error = refused(url_as(user))
    assert error.code == code
    assert reason in str(error)
    assert advice in str(error)
    assert not {"wrong", "FATAL", "server runs"} & set(str(error).replace(":", " ").split())


def test_a_role_that_may_not_create_tables_is_one_sentence(server: PostgresServer, url_as: As) -> None:
    url = server.new()
    database = Database(url.replace("postgres@", "guest@"))
    with pytest.raises(DatabaseError, match="permission denied for schema public") as caught:
        upgrade(database)
    database.close()
    server.drop(url)
    assert caught.value.code == "db.permission"


def test_a_database_that_does_not_exist_is_to_be_created(server: PostgresServer) -> None:
    error = refused(server.url("no_such_database"))
    assert error.code == "db.refused"
    assert 'database "no_such_database" does not exist. Create it' in str(error)


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("nothing=1", 'invalid connection option "nothing"'),
        ("connect_timeout=soon", "bad value for connect_timeout"),
        ("sslmode=bogus", "invalid sslmode value"),
        ("port=99999", "invalid port number"),
        ("service=none", 'service "none" not found'),
    ],
)
def test_a_part_of_the_url_that_means_nothing_is_named(server: PostgresServer, option: str, reason: str) -> None:
    error = refused(f"{server.url('shared')}&{option}")
    assert error.code == "db.url"
    assert reason in str(error)


def test_a_host_name_that_cannot_exist_is_one_sentence() -> None:
    with pytest.raises(DatabaseError, match="not a database"):
        Database(f"postgresql+psycopg://ann@{'a' * 80}.example/tmx")


@pytest.mark.parametrize(
    ("url", "printed"),
    [
        ("postgresql://ann:p@ss/word?#@host/tmx", "postgresql://***@host/tmx"),
        ("postgresql://ann:p@ss@host:5432/tmx?sslmode=require", "postgresql://***@host:5432/tmx"),
    ],
)
def test_no_part_of_a_password_with_an_at_sign_is_printed(url: str, printed: str) -> None:
    assert shown(url) == printed
    with pytest.raises(DatabaseError, match="the password contains an @") as caught:
        Database(url)
    assert "ss" not in str(caught.value).replace("password", "")
    assert "%40" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "printed"),
    [
        ("postgresql:/ann:secret@host/tmx", "postgresql:***@host/tmx"),
        ("Postgres:ann:secret@host/tmx", "Postgres:***@host/tmx"),
        ("sqlite:/folder/tmx.db", "sqlite:/folder/tmx.db"),
    ],
)
@pytest.mark.parametrize("opens", [Database, Reader])
def test_a_url_without_a_slash_is_no_file(url: str, printed: str, opens: Callable[[str], object]) -> None:
    with pytest.raises(DatabaseError) as caught:
        opens(url)
    assert str(caught.value).startswith(f"{printed}: not a database. Give a file name, or postgresql")


def test_a_password_without_a_host_is_not_printed() -> None:
    assert "secret" not in shown("postgresql://ann:secret")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ('ModuleNotFoundError("No module named \'psycopg\'", name="psycopg")', "needs psycopg. Install it with: pip"),
        (
            'ImportError("no pq wrapper available.\\nAttempts made:")',
            "psycopg cannot be used: no pq wrapper available. Ins",
        ),
    ],
)
def test_a_driver_that_is_missing_or_incomplete_is_one_sentence(tmp_path: Path, error: str, said: str) -> None:
    (tmp_path / "psycopg.py").write_text(f"raise {error}\n", "utf-8")
    path = os.pathsep.join([str(tmp_path), str(Path(tmxdb.__file__).parents[1])])
    command = [sys.executable, "-m", "tmxdb", "--db", "postgresql://ann:secret@host/tmx", "status"]
    ran = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"Error: postgresql://ann:***@host/tmx: {said}")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_no_tables_are_created_in_a_database_that_has_not_all_characters(server: PostgresServer, encoding: str) -> None:
    name = f"in_{encoding.lower()}"
    server.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    database = Database(server.url(name))
    with pytest.raises(DatabaseError, match=f"has the encoding {encoding}; tmxdb needs UTF8") as caught:
        upgrade(database)
    with pytest.raises(DatabaseError, match="is empty"):
        ensure_current(database)
    database.close()
    server.drop(server.url(name))
    assert caught.value.code == "db.encoding"


def test_a_character_that_an_older_database_does_not_have_is_one_sentence(server: PostgresServer) -> None:
    server.execute("CREATE DATABASE narrow ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    database = Database(server.url("narrow"))
    with database.write() as connection:
        connection.execute(text("CREATE TABLE names (name TEXT)"))
    with pytest.raises(DatabaseError, match="tmxdb copy-db") as caught, database.write() as connection:
        connection.execute(text("INSERT INTO names VALUES ('жук')"))
    database.close()
    server.drop(server.url("narrow"))
    assert caught.value.code == "db.encoding"

"""A mirror with hostile names in every field, and a client for its pages."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import String, Text, insert

from tests import needs
from tests.rows import NOW, Rows
from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.models import AttemptRow, TrackRow, WorkerRow, table_of
from tmxdb.storage import Storage

HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>' {{ 7*7 }} \u202e\x07"
"""Ends attributes and tags, runs scripts and templates, and turns the text around it."""


@pytest.fixture
def hostile_rows(sqlite: Database) -> Database:
    """Rows of all tables that pages show, with HOSTILE in every text column that has no fixed words."""
    database, rows = sqlite, Rows(sqlite)
    skipped = {"status", "finished_at", "available_at", "tags", "uploaded_at", "updated_at", "activity_at"}
    texts = {
        column.name: HOSTILE
        for column in table_of(TrackRow).c
        if isinstance(column.type, Text | String) and column.name not in skipped and column.computed is None
    } | {"claimed_by": None, "error": None, "error_code": None}
    times = {"uploaded_at": iso(NOW), "updated_at": iso(NOW), "activity_at": iso(NOW)}
    medals = {"author_time_ms": 30_000, "gold_ms": 32_000, "silver_ms": 36_000, "bronze_ms": 45_000}
    rows.track(1, "done", **texts | times | medals, tags="[5, 99]", environment=7, awards=3, wr_user_id=7)
    person = {"user_id": 7, "user_name": HOSTILE, "login": HOSTILE, "device": HOSTILE, "nickname": HOSTILE}
    rows.replay(11, "done", position=0, site_time_ms=31_000, replay_at=iso(NOW), **person)
    rows.replay(12, "failed", position=1, site_time_ms=31_500, **person | {"user_id": None, "error": HOSTILE})
    rows.replay(-3, "pending", position=2, site_time_ms=None, **person)
    rows.map(1, "done", file_path=HOSTILE, name=HOSTILE)
    rows.capture(1, 11)
    rows.select(HOSTILE, 1)
    attempt = {"kind": "download", "item_id": 12, "attempt": 1, "ended_at": iso(NOW), "outcome": "failed"}
    worker = {"host": HOSTILE, "machine": "another", "pid": 1, "process_started_ms": 0, "kinds": "download", "n": 4}
    times = {"started_at": iso(NOW), "heartbeat_at": iso(NOW), "lease_until": iso(NOW)}
    with database.write() as connection:
        connection.execute(insert(AttemptRow).values(**attempt, error_code=HOSTILE, error=HOSTILE))
        begun = '{"download": [12]}'
        connection.execute(insert(WorkerRow).values(worker_id=HOSTILE, **worker, **times, begun=begun))
    return database


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """A function that returns a client for the pages of a database."""
    for name in ("starlette", "jinja2", "httpx2"):
        needs.module(name)
    from starlette.testclient import TestClient

    from tmxdb.serve.app import create_app
    from tmxdb.serve.mirror import ServedMirror

    opened: list[TestClient] = []

    def start(
        database: Database, *, token: str | None = None, base_url: str = "http://127.0.0.1:8421", actions: Any = None
    ) -> TestClient:
        mirror = ServedMirror(database.location, Storage(tmp_path / "data"))
        app = create_app(mirror, token=token, actions=actions)
        client = TestClient(app, base_url, raise_server_exceptions=False)
        client.__enter__()
        opened.append(client)
        return client

    yield start
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def unreadable() -> Callable[[str, OSError], AbstractContextManager[None]]:
    """A function that makes every attempt to open files of a name fail, within a `with`."""

    @contextmanager
    def refuse(name: str, error: OSError) -> Iterator[None]:
        real = builtins.open

        def refusing(path: Any, *arguments: Any, **options: Any) -> Any:
            if str(path).endswith(name):
                raise type(error)(error.errno, error.strerror, str(path))
            return real(path, *arguments, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(builtins, "open", refusing)
            yield

    return refuse

"""What stops a run and what does not: a site that forbids or fails everything, a database that is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.queue.fakes import DONE, EventLog, FakeKind, wait_until, worker
from tests.rows import Rows
from tests.tool import Tool, until
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade
from tmxdb.db.models import ReplayRow
from tmxdb.errors import DatabaseError
from tmxdb.events import DatabaseUnavailable
from tmxdb.queue.job import Job, Outcome
from tmxdb.queue.loop import worker as worker_module
from tmxdb.queue.loop.run_options import RunOptions
from tmxdb_sandbox import RunningSite, running_site


@pytest.fixture
def site() -> Iterator[RunningSite]:
    with running_site(tracks=30, replays=4, plain=True) as site:
        yield site


def test_repeated_403_stops_every_process_and_charges_no_attempt(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    total = tool.one("select count(*) from replays")
    for _ in range(6):  # started again and again without a look at the sentence
        site.set_faults(["403:on=record"])
        site.clear_log()
        ran = tool("work", "--kind", "download", "--n", 4, ends=1)
        assert "refuses our requests (5 times 403 in a row). Nothing is lost" in ran.error
        assert site.stats()["requests"] <= 5 + 4
        tool.change("update replays set available_at = '2020-01-01T00:00:00.000Z' where status = 'retry'")
    assert tool.one("select count(*) from replays where status in ('running', 'failed')") <= 4
    assert tool.one("select count(*) from replays where attempts = 0") >= total - 6 * 4
    site.set_faults([])
    tool("retry")
    tool("work", "--kind", "download")
    assert tool.column("select distinct status from replays") == ["done"]


def test_a_site_that_fails_for_all_pauses_all_and_charges_few(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    site.clear_log()
    site.set_faults(["500:on=record"])
    with tool.started("work", "--kind", "download", "--n", 8) as process:
        until(lambda: tool.one("select reason from rate_limit") is not None)
        state = tool("status", "--json").json
        assert state["workers"][0]["n"] == 8
        site.set_faults([])
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    assert "Pausing all requests for 2 s: every request fails with a server error." in err
    assert tool.column("select distinct status from replays") == ["done"]
    assert tool.one("select sum(attempts - 1) from replays") <= 50 + 8


def test_status_shows_the_concurrency_of_each_worker(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 2, "--order", "awards")
    site.set_faults(["hang"])
    with tool.started("work", "--kind", "list", "--n", 5):
        # It is on the list a moment before its first heartbeat says how wide it is.
        found = until(
            lambda: [
                worker["concurrency"] for worker in tool("status", "--json").json["workers"] if worker["concurrency"]
            ]
        )
        assert found == [5]
        assert "5 requests at a time" in tool("status").out


class Cut(threading.Thread):
    """Closes all connections to the database repeatedly."""

    def __init__(self, server: Any, times: int) -> None:
        super().__init__()
        self._server, self._times = server, times
        self.go_on = threading.Event()

    def run(self) -> None:
        for _ in range(self._times):
            self.go_on.wait(0.15)
            self._server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()",
                database="shared",
            )


def test_connections_that_are_cut_repeatedly_cost_nothing(
    server: Any, postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "DATABASE_RETRY_S", 0.05)
    rows, played, log = Rows(postgresql), list[int](), EventLog()
    rows.replays(*range(1, 201))

    def play(job: Job) -> Outcome:
        played.append(job.item_id)
        threading.Event().wait(0.02)
        return DONE

    cut = Cut(server, times=6)
    cut.start()
    totals = worker(postgresql, [FakeKind(play)], RunOptions(n=2), log=log).run()
    cut.join()
    assert totals.of("done") + totals.dropped >= 200
    found = rows.all(ReplayRow)
    assert {(row["status"], row["attempts"]) for row in found} == {("done", 1)}
    assert sorted(set(played)) == list(range(1, 201))


def test_a_database_that_does_not_come_back_ends_the_run_with_one_sentence(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "DATABASE_RETRY_S", 0.05)
    monkeypatch.setattr(worker_module, "MAX_DATABASE_OUTAGE_S", 0.5)
    database = Database(server.new())
    upgrade(database)
    Rows(database).replays(*range(1, 101))
    begun, log, caught = threading.Event(), EventLog(), list[Exception]()

    def play(job: Job) -> Outcome:
        begun.set()
        threading.Event().wait(0.02)
        return DONE

    def run() -> None:
        try:
            worker(database, [FakeKind(play)], RunOptions(n=2), log=log).run()
        except DatabaseError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(120)
    server.shut(database.location)
    wait_until(lambda: caught)
    thread.join()
    database.close()
    (error,) = caught
    assert isinstance(error, DatabaseError)
    assert error.code == "db.unreachable"
    assert "\n" not in str(error)
    assert log.of(DatabaseUnavailable)
    assert log.sentences()[-1].endswith("Claimed rows become pending again by themselves.")

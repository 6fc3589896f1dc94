"""What stops a run, or must not: a site that forbids or has trouble with everything, a database that is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.queue.fakes import DONE, FakeKind, Notes, wait_until, worker
from tests.rows import Rows
from tmxdb.db.engine import Database
from tmxdb.db.migrate import upgrade
from tmxdb.db.models import Replay
from tmxdb.errors import DatabaseTrouble
from tmxdb.queue import worker as worker_module
from tmxdb.queue.job import Job, Outcome
from tmxdb.queue.plan import Plan
from tmxdb.sandbox import RunningSite, running_site

from ..tool import Tool, until


@pytest.fixture
def site() -> Iterator[RunningSite]:
    with running_site(tracks=30, replays=4, plain=True) as site:
        yield site


def test_403_again_and_again_stops_every_process_and_uses_up_no_attempts(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    total = tool.one("select count(*) from replays")
    for _ in range(6):  # started again and again without a look at the sentence
        site.set_faults(["403:on=record"])
        site.forget()
        ran = tool("work", "--kind", "download", "--n", 4, ends=1)
        assert "forbids what we ask (5 times 403 in a row). Nothing is lost" in ran.error
        assert site.stats()["requests"] <= 5 + 4
        tool.change("update replays set available_at = '2020-01-01T00:00:00.000Z' where status = 'retry'")
    assert tool.one("select count(*) from replays where status in ('running', 'failed')") <= 4
    assert tool.one("select count(*) from replays where attempts = 0") >= total - 6 * 4
    site.set_faults([])
    tool("retry")
    tool("work", "--kind", "download")
    assert tool.column("select distinct status from replays") == ["done"]


def test_a_site_with_trouble_for_everybody_pauses_everybody_and_charges_few(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    site.forget()
    site.set_faults(["500:on=record"])
    with tool.started("work", "--kind", "download", "--n", 8) as process:
        until(lambda: tool.one("select reason from politeness") is not None)
        state = tool("status", "--json").json
        assert state["workers"][0]["n"] == 8
        site.set_faults([])
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert "Pausing for 2 s: the site has trouble with everything." in err
    assert tool.column("select distinct status from replays") == ["done"]
    assert tool.one("select sum(attempts - 1) from replays") <= 50 + 8


def test_status_shows_how_wide_each_worker_is(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 2, "--order", "awards")
    site.set_faults(["hang"])
    with tool.started("work", "--kind", "list", "--n", 5):
        # It is on the list a moment before its first heartbeat says how wide it is.
        found = until(
            lambda: [worker["width"] for worker in tool("status", "--json").json["workers"] if worker["width"]]
        )
        assert found == [5]
        assert "width" in tool("status").out


class Cut(threading.Thread):
    """Cuts off everybody who is connected to the database, again and again."""

    def __init__(self, server: Any, times: int) -> None:
        super().__init__()
        self._server, self._times = server, times
        self.go_on = threading.Event()

    def run(self) -> None:
        for _ in range(self._times):
            self.go_on.wait(0.15)
            self._server._run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()",
                database="ours",
            )


def test_connections_that_are_cut_again_and_again_cost_nothing(
    server: Any, postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "AGAIN_S", 0.05)
    rows, played, notes = Rows(postgresql), list[int](), Notes()
    rows.replays(*range(1, 201))

    def play(job: Job) -> Outcome:
        played.append(job.item_id)
        threading.Event().wait(0.02)
        return DONE

    cut = Cut(server, times=6)
    cut.start()
    totals = worker(postgresql, [FakeKind(play)], Plan(n=2), listener=notes).run()
    cut.join()
    assert totals.of("done") + totals.dropped >= 200
    found = rows.all(Replay)
    assert {(row["status"], row["attempts"]) for row in found} == {("done", 1)}
    assert sorted(set(played)) == list(range(1, 201))


def test_a_database_that_does_not_come_back_ends_the_run_with_one_sentence(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "AGAIN_S", 0.05)
    monkeypatch.setattr(worker_module, "DATABASE_PATIENCE_S", 0.5)
    database = Database(server.new())
    upgrade(database)
    Rows(database).replays(*range(1, 101))
    begun, notes, caught = threading.Event(), Notes(), list[Exception]()

    def play(job: Job) -> Outcome:
        begun.set()
        threading.Event().wait(0.02)
        return DONE

    def run() -> None:
        try:
            worker(database, [FakeKind(play)], Plan(n=2), listener=notes).run()
        except DatabaseTrouble as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(20)
    server.drop(database.location)
    wait_until(lambda: caught)
    thread.join()
    database.close()
    (error,) = caught
    assert isinstance(error, DatabaseTrouble)
    assert error.code == "db.unreachable"
    assert "\n" not in str(error)
    assert any("results wait in memory" in note for note in notes.notes)
    assert notes.notes[-1].endswith("Rows in flight come back by themselves.")

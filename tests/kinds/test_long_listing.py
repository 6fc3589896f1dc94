"""A long leaderboard is written in several transactions, and can be interrupted between any two of them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from tests import forked
from tests.queue.fakes import EventLog, FakeList, worker
from tests.rows import Rows
from tests.tool import Tool
from tmxdb.db.bulk import RowStream, portions
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, table_of
from tmxdb.events import ResultDropped
from tmxdb.queue.job import Done, Job, Outcome
from tmxdb.queue.loop import batch
from tmxdb_sandbox import running_site

_replays = table_of(ReplayRow)
REPLAYS, AT_ONCE = 300, 40
KILLED_AFTER_PARTS = """
import os, signal, sys
from tmxdb.cli import main
from tmxdb.queue.job import Part
from tmxdb.queue.loop import batch, job_store

after, batch.MAX_ROWS = int(sys.argv[1]), int(sys.argv[2])
remember = job_store.JobStore._remember

def remember_and_die(self, cycle, paused):
    global after
    remember(self, cycle, paused)
    after -= sum(isinstance(result.outcome, Part) for result, _ in cycle.settled)
    if after == 0:
        os.kill(os.getpid(), signal.SIGKILL)

job_store.JobStore._remember = remember_and_die
sys.argv[:] = ["tmxdb", *sys.argv[3:]]
main()
"""


def long_listing(n: int) -> Done:
    rows = [(replay_id, "a") for replay_id in range(1, n + 1)]
    return Done({"listed_top": n}, [RowStream(_replays, ("replay_id", "user_name"), rows, {"track_id": 1})])


def stream(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> RowStream:
    return RowStream(_replays, tuple(names), rows, {})


def test_portions_keep_the_rows_of_one_key_together() -> None:
    one = stream(["key", "a"], [(n, "one") for n in range(10)])
    two = stream(["key", "b"], [(n, "two") for n in range(3, 12, 2)])
    cut = list(portions([one, two], 4))
    keys = [{row[0] for part in portion for row in part.rows} for portion in cut]
    assert [set.union(*keys), sum(map(len, keys))] == [set(range(12)) - {10}, 11]  # each key in one portion only
    assert [sum(len(part.rows) for part in portion) for portion in cut[:-1]] == [5, 4, 5]
    assert [row for portion in cut for part in portion if part.names == one.names for row in part.rows] == one.rows
    assert list(portions([], 4)) == [[]]


def test_a_long_listing_is_several_transactions_and_done_with_the_last(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_ROWS", 10)
    rows, seen = Rows(database), list[tuple[int, str]]()
    rows.track(1)

    def look(connection: Connection) -> None:
        counted = "select count(*), (select status from tracks) from replays"
        seen.append(tuple(connection.exec_driver_sql(counted).one()))

    event.listen(database.engine, "commit", look)
    totals = worker(database, [FakeList(lambda job: long_listing(35))]).run()
    event.remove(database.engine, "commit", look)
    assert totals.of("done") == 1
    steps = [step for i, step in enumerate(seen) if step[0] and step not in seen[:i]]
    assert steps == [(10, "running"), (20, "running"), (30, "running"), (35, "done")]


def test_other_workers_get_their_turn_between_two_transactions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_ROWS", 10)
    rows, other = Rows(database), Database(database.location)
    rows.track(1)
    make, turns = batch._pieces, list[str]()

    def pieces(*arguments: Any) -> Any:
        for piece in make(*arguments):
            yield piece
            with other.write() as connection:  # the listing holds no lock here
                turns.append(connection.execute(text("select status from tracks where track_id = 1")).scalar_one())

    monkeypatch.setattr(batch, "_pieces", pieces)
    worker(database, [FakeList(lambda job: long_listing(35))]).run()
    other.close()
    assert turns == ["running", "running", "running", "done"]


def test_a_listing_whose_row_another_worker_takes_meanwhile_writes_no_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_ROWS", 10)
    rows, log, taken = Rows(database), EventLog(), list[Job]()
    rows.track(1)
    make = batch._pieces

    def pieces(*arguments: Any) -> Any:
        for number, piece in enumerate(make(*arguments)):
            yield piece
            if number == 1:  # the worker was suspended here, and another one has begun
                taken.append(piece.job)
                rows.write("update tracks set claim_token = claim_token + 1")

    monkeypatch.setattr(batch, "_pieces", pieces)

    def play(job: Job) -> Outcome:
        return long_listing(35) if not taken else Done({"listed_top": 1})

    worker(database, [FakeList(play)], log=log).run()
    assert len(log.of(ResultDropped)) == 1
    assert len(rows.all(ReplayRow)) == 20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the process kills itself with SIGKILL")
@pytest.mark.parametrize("parts", [1, 3])
def test_a_listing_killed_between_two_transactions_is_repeated_without_harm(tool: Tool, parts: int) -> None:
    listing = ("work", "--kind", "list", "--all-replays")
    with running_site(tracks=1, replays=REPLAYS, plain=True) as site:
        (track_id,) = site.track_ids()
        tool("--site", site.url, "sync-tracks")
        tool(*listing)
        before = positions(tool)
        site.add_record(track_id)
        for row in sorted(site.leaderboard(track_id), key=lambda row: row["position"])[100:103]:
            site.withdraw_replay(row["replay_id"])
        tool("retry", "--kind", "list", "--status", "done")
        process = forked.python(
            KILLED_AFTER_PARTS, parts, AT_ONCE, *listing, cwd=tool.folder, env=tool.environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.wait() == -signal.SIGKILL
        written = tool.one("select count(*) from past_positions")
        assert AT_ONCE // 2 * parts <= written < REPLAYS
        assert tool.one("select status from tracks") == "running"
        tool(*listing)
        after = {row["replay_id"]: row["position"] for row in site.leaderboard(track_id)}
    found = positions(tool)
    assert found == {replay_id: after.get(replay_id) for replay_id in found}
    assert tool.one("select status from tracks") == "done"
    moved = {replay_id: position for replay_id, position in before.items() if found[replay_id] != position}
    past = tool.rows("select replay_id, position from past_positions")
    assert len(past) == len(moved) > REPLAYS - 10
    assert {row["replay_id"]: row["position"] for row in past} == moved


def positions(tool: Tool) -> dict[int, int | None]:
    return {row["replay_id"]: row["position"] for row in tool.rows("select replay_id, position from replays")}

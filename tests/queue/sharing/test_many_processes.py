"""Eight processes on one database: no row twice, no "locked", others can read meanwhile. How fair: `bench scale`."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests import forked
from tests.queue.fakes import FakeKind, worker
from tests.rows import Rows
from tmxdb.clock import wall_clock
from tmxdb.db.database import Database
from tmxdb.db.engines import sqlite as engine
from tmxdb.db.engines.sqlite import wal_bytes
from tmxdb.db.reading.reader import Reader
from tmxdb.queue.loop import job_store as store_module
from tmxdb.queue.loop.cycle import CycleInput
from tmxdb.reports.status import read_status

ROOT = Path(__file__).resolve().parents[3]
PROCESSES = 8
pytestmark = pytest.mark.slow

CLAIMS = """
import sys
from tests.queue.fakes import Bench
from tests.rows import FakeClock
from tmxdb.db.database import Database
from tmxdb.db.reading.reader import Reader

bench = Bench(Database(sys.argv[1]), FakeClock())
bench.claim("x", 0)
print("ready", flush=True)
sys.stdin.readline()
while jobs := bench.claim(sys.argv[2], n=7):
    print(*(job.item_id for job in jobs))
"""
WORKS = """
import json, sys, threading
from tests.queue.fakes import FakeKind, EventLog, worker
from tmxdb.db.database import Database
from tmxdb.db.reading.reader import Reader
from tmxdb.events import RowSettled
from tmxdb.queue.job import Snooze
from tmxdb.queue.loop.cycle import CycleInput
from tmxdb.queue.loop.run_options import RunOptions

class Telling(EventLog):
    def __call__(self, event):
        if isinstance(event, RowSettled) and not self.of(RowSettled):
            print("worked", flush=True)
        super().__call__(event)

stop, log = threading.Event(), Telling()
again = FakeKind(lambda job: Snooze("test.again", "once more"))  # so that work never ends
running = worker(Database(sys.argv[1]), [again], RunOptions(n=8), log=log, stop=stop)
print("ready", flush=True)
sys.stdin.readline()
threading.Thread(target=lambda: (sys.stdin.readline(), stop.set())).start()  # until the input is closed
running.run()
print(json.dumps({"jobs": len(log.of(RowSettled)), "log": log.sentences()}))
"""


def start(program: str, *arguments: object) -> forked.AnyProcess:
    program = f"import warnings; warnings.simplefilter('error')\n{program}"
    return forked.python(program, *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def go(children: list[forked.AnyProcess]) -> None:
    """Let them all begin, when all are ready."""
    for child in children:
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin
        child.stdin.write("go\n")
        child.stdin.flush()


def test_eight_processes_that_claim_concurrently_never_get_the_same_row(database: Database, rows: Rows) -> None:
    rows.replays(*range(1, 1501))
    children = [start(CLAIMS, database.location, f"worker {i}") for i in range(PROCESSES)]
    go(children)
    answers = [child.communicate(timeout=300)[0] for child in children]
    assert Counter(int(word) for answer in answers for word in answer.split()) == Counter(range(1, 1501))


def test_eight_workers_and_readers_share_a_sqlite_file_for_a_while_without_trouble(sqlite: Database) -> None:
    Rows(sqlite).replays(*range(1, 5001))
    seconds, path = 2.0, sqlite.path
    assert path
    children = [start(WORKS, path) for _ in range(PROCESSES)]
    go(children)
    deadline, largest, rounds = time.monotonic() + seconds, 0, 0
    while time.monotonic() < deadline:
        with closing(Reader(str(path))) as reader:
            state = read_status(reader, Path("data"), None, wall_clock())
        assert sum(state.kinds["download"].values()) == 5000
        plain = sqlite3.connect(path, timeout=0)  # any SQLite tool: it does not wait, nor has it to
        assert plain.execute("SELECT count(*) FROM replays").fetchone() == (5000,)
        plain.close()
        largest, rounds = max(largest, path.with_name(path.name + "-wal").stat().st_size), rounds + 1
    for child in children:
        assert child.stdout
        assert child.stdout.readline() == "worked\n"
    found = [json.loads(child.communicate(timeout=300)[0].splitlines()[-1]) for child in children]
    assert [one["log"] for one in found] == [[]] * PROCESSES  # a busy database would be reported
    assert rounds > 0
    assert largest < 200_000_000
    assert Rows(sqlite).sql("SELECT DISTINCT status, attempts FROM replays") == [("pending", 0)]


def test_the_log_of_a_sqlite_file_is_cut_off_after_a_long_reader(sqlite: Database) -> None:
    rows, path = Rows(sqlite), sqlite.path
    rows.replays(*range(1, 20_001))
    assert path
    log = path.with_name(path.name + "-wal")
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM replays").fetchone()
    for i in range(12):
        rows.write(f"UPDATE replays SET user_name = '{i:0100d}'")
    assert log.stat().st_size > 30_000_000
    reader.execute("COMMIT")
    reader.close()
    rows.write("UPDATE replays SET priority = 2 WHERE replay_id = 1")
    rows.write("UPDATE replays SET priority = 3 WHERE replay_id = 1")
    assert log.stat().st_size < 20_000_000


def test_a_worker_empties_a_long_log_at_its_heartbeat_unless_another_process_reads(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, path = Rows(sqlite), sqlite.path
    rows.replays(*range(1, 11))
    assert path
    monkeypatch.setattr(engine, "LONG_WAL_BYTES", 1)
    monkeypatch.setattr(store_module, "HEARTBEAT_MS", 0)
    store = worker(sqlite, [FakeKind()])._store
    store.open()
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM replays").fetchone()
    store.cycle(CycleInput())
    assert wal_bytes(path) > 0
    reader.execute("COMMIT")
    store.cycle(CycleInput())
    assert wal_bytes(path) == 0
    reader.close()

"""200 people look at the pages of `tmxdb serve` while four workers write.

    python3 run.py bench serve_load [--replays 1000000] [--seconds 20] [--clients 200] [--every 5]

Each client opens another page every 5 s, each worker does jobs that wait 0.2 s, as downloads do, 32 at a time. Printed
are the jobs that the workers did without and with clients, in turns, and how long the pages took.
"""

from __future__ import annotations

import argparse
import http.client
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from bench._filled import fill
from bench._table import print_rows
from bench._workers import NoOp
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade
from tmxdb.events import EventBus
from tmxdb.queue.job import Job, Outcome, Snooze
from tmxdb.queue.loop.run_options import RunOptions
from tmxdb.queue.loop.worker import Worker
from tmxdb.queue.worker_registry import new_identity

WORKERS, N, JOB_S, ROUNDS = 4, 32, 0.2, 3
LIMIT_S = 1.0
PATHS = (
    "/", "/progress.json?span=day", "/tracks", "/tracks?q=track+2233", "/tracks?order=name&after=10036", "/track/2233",
    "/replay/2233", "/driver/7919", "/failures", "/captures", "/sql?q=select+*+from+leaderboard+where+track_id+=+2233",
)  # fmt: skip


class Download(NoOp):
    """Jobs that wait like a download, and are pending again at once."""

    def run(self, job: Job) -> Outcome:
        time.sleep(JOB_S)
        return Snooze("bench.again", "once more")


def main() -> None:
    if sys.argv[1:2] == ["worker"]:
        _work(sys.argv[2], float(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replays", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--every", type=float, default=5)
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tmxdb-load-"))
    path = folder / "tmx.db"
    try:
        database = Database(str(path))
        upgrade(database)
        fill(database, 1, wanted.replays)
        database.close()
        command = [sys.executable, "-m", "tmxdb", "--db", str(path), "serve", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout
                address = server.stdout.readline().strip()
                for page in PATHS:  # what the first page of a server waits for is not measured
                    _get(address, page)
                _measure(address, path, wanted)
            finally:
                server.terminate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(address: str, path: Path, wanted: argparse.Namespace) -> None:
    rows, ratios, taken = [], [], list[tuple[str, float]]()
    for number in range(ROUNDS):
        alone = _jobs(path, wanted.seconds)
        stop = threading.Event()
        clients = [
            threading.Thread(target=_look, args=(address, wanted.every, stop, random.Random(i), taken))
            for i in range(wanted.clients)
        ]
        for client in clients:
            client.start()
        try:
            together = _jobs(path, wanted.seconds)
        finally:
            stop.set()
            for client in clients:
                client.join()
        ratios += [with_clients / without for with_clients, without in zip(together, alone, strict=True)]
        rows.append((number + 1, sum(alone) / wanted.seconds, sum(together) / wanted.seconds, min(ratios)))
    title = f"{wanted.replays:,} replays; {WORKERS} workers, without and with {wanted.clients} clients"
    print_rows(title, ("round", "jobs/s without", "jobs/s with", "slowest worker so far (ratio)"), rows)
    by_path = [(path, sorted(time_s for one, time_s in taken if one == path)) for path in PATHS]
    shown = [(path, len(all_s), 1000 * statistics.median(all_s), 1000 * all_s[-1]) for path, all_s in by_path if all_s]
    print_rows("pages", ("address", "times", "median (ms)", "slowest (ms)"), shown)
    times_s = sorted(time_s for _, time_s in taken)
    late = sum(time_s > LIMIT_S for time_s in times_s)
    print(f"{len(times_s):,} pages: median {1000 * statistics.median(times_s):.0f} ms,"
          f" 99 % below {1000 * times_s[int(0.99 * len(times_s))]:.0f} ms, slowest {1000 * times_s[-1]:.0f} ms,"
          f" {late} above {LIMIT_S:g} s")  # fmt: skip


def _jobs(path: Path, seconds: float) -> list[int]:
    """Return how many jobs each of the workers did."""
    command = [sys.executable, "-m", "bench.serve_load", "worker", str(path), str(seconds)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(WORKERS)]
    return [int(worker.communicate()[0]) for worker in workers]


def _work(path: str, seconds: float) -> None:
    """Work for some seconds after a second of warming up, and print the number of jobs."""
    kind, done, stop = Download(), [0, 0], threading.Event()
    run = kind.run
    begin_s = time.monotonic() + 1

    def counted(job: Job) -> Outcome:
        outcome = run(job)
        if begin_s <= time.monotonic() < begin_s + seconds:
            done[0] += 1
        return outcome

    kind.run = counted  # type: ignore[method-assign]
    threading.Timer(1 + seconds, stop.set).start()
    worker = Worker(Database(path), [kind], RunOptions(n=N, forever=True), identity=new_identity(), events=EventBus(),
                    stop=stop, stop_now=threading.Event())  # fmt: skip
    worker.run()
    print(done[0])


def _look(
    address: str, every_s: float, stop: threading.Event, rng: random.Random, taken: list[tuple[str, float]]
) -> None:
    if stop.wait(rng.uniform(0, every_s)):
        return
    while True:
        path, begin_s = rng.choice(PATHS), time.perf_counter()
        _get(address, path)
        taken.append((path, time.perf_counter() - begin_s))
        if stop.wait(max(every_s - taken[-1][1], 0)):
            return


def _get(address: str, path: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, (path, answer.status)
    finally:
        connection.close()


if __name__ == "__main__":
    main()

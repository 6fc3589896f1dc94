"""Clients to compare, each in a process of its own: `python -m bench._clients NAME URL FOLDER N FILE_WITH_IDS`.

`pycurl`, `urllib3` and `requests` fetch with keep-alive from N threads and only write the files. `tmxdb` does it
all: claim, fetch, check, facts, hash, fsync, publish, settle. Prints wall and CPU seconds as JSON.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

Fetch = Callable[[str], bytes]


def main() -> None:
    name, url, folder, n, ids_file = sys.argv[1:6]
    if name == "tmxdb":
        print(json.dumps(tmxdb_run(url, Path(folder), int(n))))
        return
    ids = [int(line) for line in Path(ids_file).read_text().split()]
    make = {"pycurl": curl_fetch, "urllib3": urllib3_fetch, "requests": requests_fetch}[name](int(n))
    print(json.dumps(bare_run(make, url, Path(folder), int(n), ids)))


def bare_run(make: Callable[[], Fetch], url: str, folder: Path, n: int, ids: list[int]) -> dict[str, float]:
    """Download the files and write them, without checks."""
    folder.mkdir(parents=True, exist_ok=True)
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    for replay_id in ids:
        todo.put(replay_id)

    def work() -> None:
        fetch = make()
        while True:
            try:
                replay_id = todo.get_nowait()
            except queue.Empty:
                return
            (folder / f"{replay_id}.Replay.Gbx").write_bytes(fetch(f"{url}/recordgbx/{replay_id}"))

    threads = [threading.Thread(target=work) for _ in range(n)]
    wall, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "n": len(ids)}


def curl_fetch(n: int) -> Callable[[], Fetch]:
    import pycurl

    def make() -> Fetch:
        curl = pycurl.Curl()
        curl.setopt(pycurl.USERAGENT, "bench")

        def fetch(url: str) -> bytes:
            parts: list[bytes] = []
            curl.setopt(pycurl.URL, url)
            curl.setopt(pycurl.WRITEFUNCTION, parts.append)
            curl.perform()
            return b"".join(parts)

        return fetch

    return make


def urllib3_fetch(n: int) -> Callable[[], Fetch]:
    import urllib3

    pool = urllib3.PoolManager(maxsize=n, block=True, headers={"User-Agent": "bench"})
    return lambda: lambda url: pool.request("GET", url).data


def requests_fetch(n: int) -> Callable[[], Fetch]:
    import requests

    def make() -> Fetch:
        session = requests.Session()
        session.headers["User-Agent"] = "bench"
        return lambda url: session.get(url).content

    return make


def tmxdb_run(url: str, folder: Path, n: int) -> dict[str, float]:
    """Run the worker on the pending rows of `folder`/tmx.db."""
    from tmxdb.cli.opening.database import open_database, open_storage
    from tmxdb.cli.opening.exchange import open_exchange
    from tmxdb.cli.options.database import ExchangeOptions, StorageOptions
    from tmxdb.events import EventBus
    from tmxdb.kinds import make_kind
    from tmxdb.kinds.context import JobContext, JobOptions
    from tmxdb.queue.loop.run_options import RunOptions
    from tmxdb.queue.loop.worker import Worker
    from tmxdb.queue.worker_registry import new_identity
    from tmxdb.tmx.fetch import Fetcher

    kinds = sys.argv[6:] or ["download"]
    storage_options, exchange_options = StorageOptions(db=str(folder / "tmx.db")), ExchangeOptions(site=url, rate=0)
    database, stop = open_database(storage_options), threading.Event()
    exchange, _ = open_exchange(storage_options, exchange_options, database, connections=n, stop=stop)
    me = new_identity()
    tools = JobContext(
        database, open_storage(storage_options, database), exchange, Fetcher(exchange), me.worker_id, JobOptions()
    )
    worker = Worker(database, [make_kind(kind, tools) for kind in kinds], RunOptions(n), identity=me, events=EventBus(),
                    stop=stop, stop_now=threading.Event())  # fmt: skip
    wall, cpu = time.perf_counter(), time.process_time()
    totals = worker.run()
    return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "n": totals.of("done")}


if __name__ == "__main__":
    main()

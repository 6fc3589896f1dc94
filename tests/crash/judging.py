"""Check a run after processes were killed: every file is complete, was stored once, and the site was not overloaded.

Each process appends a line to the audit file before and after each rename (see `process.py`), which shows the published
files. Each process also sends its own name to the site (`--contact`), so that the site's log shows which process sent a
request. A file that a process received completely and never published was in flight when it was killed; a process has
at most `n` of those.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests.crash.killing import History
from tmxdb.db.database import Database
from tmxdb.gbx import read_replay
from tmxdb.storage.folder_identity import MARKER
from tmxdb_sandbox import RunningSite

Row = dict[str, Any]
_WHO = re.compile(r"; (\w+)@crash\)")
_BOARD = re.compile(r"[?&](?:trackId|id)=(\d+)")


@dataclass(frozen=True)
class Request:
    """One line of the site's log. `ok`: the response had no fault."""

    path: str
    who: str
    status: int
    fault: str
    at_s: float

    @property
    def ok(self) -> bool:
        return not self.fault

    @property
    def replay_id(self) -> int | None:
        return int(self.path.rpartition("/")[2]) if self.path.startswith("/recordgbx/") else None


class Judge:
    """Checks the result of a run. Of tmxdb it uses only the database engine."""

    def __init__(self, history: History, location: str, site: RunningSite) -> None:
        self._history, self._site = history, site
        self.requests = [_request(line) for line in site.log()]
        self._stats = site.stats()
        with closing(Database(location)) as database, database.read() as connection:
            tables = ("tracks", "replays", "maps", "workers", "attempts")
            self._rows: dict[str, list[Row]] = {
                table: [dict(row) for row in connection.execute(text(f"select * from {table}")).mappings()]
                for table in tables
            }

    def complaints(self) -> list[str]:
        """Return one line for each broken promise."""
        parts = (
            self._about_processes(),
            self._about_rows(),
            self._about_files(),
            self._about_publications(),
            self._about_requests(),
            self._about_rate_limit(),
        )
        return [complaint for part in parts for complaint in part]

    def numbers(self) -> dict[str, float]:
        """Return how much was checked."""
        excused = self._in_flight()
        return {
            "kills": len(self._history.killed),
            "processes": len(self._history.killed) + len(self._history.ended),
            "seconds": self._history.seconds,
            "requests": len(self.requests),
            "spoiled by faults": sum(not request.ok for request in self.requests),
            "refused in storms": sum(request.status == 429 for request in self.requests),
            "tracks": len(self._rows["tracks"]),
            "replays": len(self._rows["replays"]),
            "maps": len(self._rows["maps"]),
            "files published": len(self._history.renames("after")),
            "rows recovered": sum(row["outcome"] == "lost" for row in self._rows["attempts"]),
            "files in flight when killed": sum(excused.values()),
            "of these fetched again": sum(self._fetched_again().values()),
            "most in a second": self._most_in_a_second(),
        }

    def _about_processes(self) -> Iterator[str]:
        for name, status in self._history.ended.items():
            if status:
                yield f"{name} ended with {status}: {self._history.said(name)[-500:]}"
        for name in (*self._history.ended, *self._history.killed):
            if "Traceback" in self._history.said(name):
                yield f"{name} printed a traceback: {self._history.said(name)[-2000:]}"
        for worker in self._rows["workers"]:
            yield f"worker {worker['worker_id']} is still on the list"

    def _about_rows(self) -> Iterator[str]:
        tracks = {row["track_id"]: row for row in self._rows["tracks"]}
        replays = {row["replay_id"]: row for row in self._rows["replays"]}
        if tracks.keys() != set(self._site.track_ids()):
            yield f"{len(tracks)} tracks instead of {len(self._site.track_ids())}"
        wanted: dict[int, Row] = {}
        for track_id in tracks:
            ranked = [row for row in self._site.leaderboard(track_id) if row["position"] is not None]
            ranked.sort(key=lambda row: row["position"])
            wanted |= {row["replay_id"]: row for row in ranked[: self._history.plan.top]}
        if replays.keys() != wanted.keys():
            yield f"replays missing or too many: {sorted(replays.keys() ^ wanted.keys())[:10]}"
        for replay_id, row in replays.items():
            gone = replay_id in wanted and wanted[replay_id]["removed"]
            right = (row["status"], row["error_code"]) == (("skipped", "tmx.gone") if gone else ("done", None))
            if not right:
                yield f"replay {replay_id} is {row['status']} ({row['error_code']}: {row['error']})"
        for track_id, row in tracks.items():
            if row["status"] != "done":
                yield f"track {track_id} is {row['status']} ({row['error_code']}: {row['error']})"
        # A track has a map as soon as one of its replays is there.
        if {row["track_id"] for row in self._rows["maps"]} != {
            row["track_id"] for row in replays.values() if row["status"] == "done"
        }:
            yield "maps missing or too many"
        yield from (
            f"map {row['track_id']} is {row['status']}" for row in self._rows["maps"] if row["status"] != "done"
        )
        spoiled = Counter(request.replay_id for request in self.requests if not request.ok)
        for replay_id, row in replays.items():
            # A missing replay is asked for twice in a row, and a fault in between begins the row again.
            if row["attempts"] > (1 + spoiled[replay_id]) * (2 if row["error_code"] == "tmx.gone" else 1):
                yield f"replay {replay_id} was charged {row['attempts']} attempts for {spoiled[replay_id]} faults"

    def _about_files(self) -> Iterator[str]:
        known = set()
        for row in (*self._rows["replays"], *self._rows["maps"]):
            if row["status"] != "done":
                continue
            known.add(row["file_path"])
            file = self._history.data / row["file_path"]
            digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "missing"
            if digest != row["sha256"]:
                yield f"{row['file_path']} is {digest}, its row says {row['sha256']}"
            if "source" not in row:
                right = self._site.expected_replay(row["replay_id"])
            elif row["source"] == "replay":
                right = read_replay(self._site.expected_replay(row["from_replay_id"])).map_bytes
            else:
                right = self._site.expected_track(row["track_id"])
            if digest != hashlib.sha256(right).hexdigest():
                yield f"{row['file_path']} is not what the site serves"
        there = {path.relative_to(self._history.data).as_posix() for path in _files(self._history.data)}
        yield from (f"{path} belongs to no row" for path in sorted(there - known))

    def _about_publications(self) -> Iterator[str]:
        """Find files that were published twice with the same bytes. A map may come from a better replay later."""
        published = Counter((line["path"], line["sha256"]) for line in self._history.renames("after"))
        yield from (f"{path} was published {n} times" for (path, _), n in published.items() if n > 1)
        finished = Counter((line["name"], line["path"]) for line in self._history.renames("after"))
        for line in self._history.renames("before"):
            if not finished[(line["name"], line["path"])] and line["name"] not in self._history.killed:
                yield f"{line['name']} began to publish {line['path']} and did not"

    def _about_requests(self) -> Iterator[str]:
        spoiled, sent = Counter[str](), Counter[str]()
        killers: dict[str, set[str]] = defaultdict(set)
        for request in self.requests:
            sent[request.path] += 1
            spoiled[_item(request.path)] += not request.ok
            if request.who in self._history.killed:
                killers[request.path].add(request.who)
        in_flight, excused = self._in_flight(), self._fetched_again()
        gone = {request.path for request in self.requests if request.ok and request.status == 404}
        for path, n in sent.items():
            faults = spoiled[_item(path)]
            kills = excused[path] if path.startswith("/recordgbx/") else len(killers[path])
            if n > 1 + faults + kills + (path in gone):  # a 404 is believed the second time
                yield f"{path} was requested {n} times, for {faults} faults and {kills} kills: {self._about(path)}"
        for who, n in in_flight.items():
            if who not in self._history.killed:
                yield f"{who} was not killed, but never published {n} files that it had"
            elif n > self._history.plan.n:
                yield f"{who} had {n} files in flight, and may have {self._history.plan.n}"

    def _about(self, path: str) -> str:
        """Return everything that is known about a path, to help find the cause."""
        sent = [f"{one.who} {one.at_s:.3f} {one.status} {one.fault}" for one in self.requests if one.path == path]
        replay_id = path.rpartition("/")[2]
        renames = [line for line in self._history.renames("after") if f"/{replay_id}_" in line["path"]]
        attempts = [row for row in self._rows["attempts"] if str(row["item_id"]) == replay_id]
        row = [row for row in self._rows["replays"] if str(row["replay_id"]) == replay_id]
        return f"{sent}, renames {[line['name'] for line in renames]}, attempts {attempts}, row {row}"

    def _unpublished(self) -> list[Request]:
        """Return files that a process received completely and did not publish."""
        paths = {str(self._history.data / (row["file_path"] or "")): row["replay_id"] for row in self._rows["replays"]}
        published = {(line["name"], paths.get(line["path"])) for line in self._history.renames("after")}
        whole = [request for request in self.requests if request.replay_id and request.ok and request.status == 200]
        return [request for request in whole if (request.who, request.replay_id) not in published]

    def _in_flight(self) -> Counter[str]:
        """Return how many files each process received and never published."""
        return Counter(request.who for request in self._unpublished())

    def _fetched_again(self) -> Counter[str]:
        """Return how often a process received a file, or a 404 for one, and was killed before it had recorded that."""
        gone = [request for request in self.requests if request.replay_id and request.ok and request.status == 404]
        lost = [request for request in (*self._unpublished(), *gone) if request.who in self._history.killed]
        return Counter(request.path for request in lost)

    def _about_rate_limit(self) -> Iterator[str]:
        plan = self._history.plan
        yield from {f"a request has no contact: {request}" for request in self.requests if not request.who}
        # In one storm each thread gets one 429 and then waits.
        throttled = Counter(request.who for request in self.requests if request.status == 429)
        for who, n in throttled.items():
            if n > plan.n * len(plan.storms_at_s):
                yield f"{who} sent {n} requests during a storm"
        if self._stats["max_connections"] > plan.processes * (plan.n + 1):
            yield f"{self._stats['max_connections']} concurrent connections"
        times = [request.at_s for request in self.requests]
        if plan.rate and len(times) > plan.rate * (max(times) - min(times) + 1):
            yield f"{len(times)} requests in {max(times) - min(times):.1f} s are more than {plan.rate:g} a second"

    def _most_in_a_second(self) -> int:
        times, most, first = sorted(request.at_s for request in self.requests), 0, 0
        for last, at_s in enumerate(times):
            while times[first] <= at_s - 1:
                first += 1
            most = max(most, last - first + 1)
        return most


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != MARKER]


def _item(path: str) -> str:
    """Return the item of a request. When one page of a leaderboard fails, all its pages are requested again."""
    board = _BOARD.search(path)
    return f"board {board.group(1)}" if board else path


def _request(line: Row) -> Request:
    who = _WHO.search(line["user_agent"]) if line["user_agent"].startswith("tmxdb/") else None
    return Request(line["path"], who.group(1) if who else "", line["status"], line["fault"], line["time"])

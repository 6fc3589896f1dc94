"""A year of daily refreshes of forty tracks on a site of five hundred: is every change found, and at what cost?

    python3 run.py bench year [--days 365] [--tracks 500] [--chosen 40] [--budget 12]

Each day, some chosen tracks get replays, records, withdrawn replays or a new map, and so do tracks that were not
chosen. Then `tmxdb refresh --max-requests BUDGET` and `tmxdb changes` run: once with a site on which a new replay moves
the activity time of its track, and once without. Days pass by moving all stored times back.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench._table import print_rows
from tmxdb.cli.program import tmxdb
from tmxdb_sandbox import RunningSite, running_site

AGE_DAYS = 5
REPLAYS = 6
RUN_EVERY = 30
"""Days between two downloads of what is new."""
TIMES = {
    "tracks": ("first_seen_at", "first_listed_at", "listed_at", "finished_at"),
    "replays": ("first_seen_at", "position_since", "listed_at", "left_at"),
    "past_positions": ("from_at", "last_seen_at", "until_at"),
}


@dataclass(frozen=True)
class SiteChange:
    """What happened on the site: `replay`, `record`, `withdrawn` or `map`, to the replay or track `item_id`."""

    day: int
    sort: str
    item_id: int


@dataclass
class Year:
    """What was found. `delays`: days from a change to its discovery, by sort. `requests`: of each day's refresh."""

    delays: dict[str, list[int]] = field(default_factory=dict)
    missed: list[SiteChange] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    outside: list[int] = field(default_factory=list)
    tracks: int = 0

    @property
    def changes(self) -> int:
        """How many changes were found."""
        return sum(map(len, self.delays.values()))


def simulate(*, days: int, tracks: int, chosen: int, budget: int, still: bool, seed: int = 1) -> Year:
    """Let `days` pass on a site. `still`: a new replay does not move the activity time of its track."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_site(tracks=tracks, replays=REPLAYS, plain=True, still_activity=still, seed=seed) as site,
    ):
        return _Simulation(Path(folder) / "tmx.db", site, chosen, budget, random.Random(seed)).run(days)


class _Simulation:
    def __init__(self, db: Path, site: RunningSite, chosen: int, budget: int, rng: random.Random) -> None:
        self._db, self._site, self._budget, self._rng = db, site, budget, rng
        self._command("--site", site.url, "select", "forty", "--order", "awards", "--max-tracks", chosen, "--top", 1000)
        self._command("run", "--no-progress")
        self._chosen = [track_id for (track_id,) in self._sql("SELECT track_id FROM selection_tracks")]
        self._others = [track_id for track_id in site.track_ids() if track_id not in set(self._chosen)]
        self._open: dict[tuple[str, int], SiteChange] = {}
        self._year = Year()

    def run(self, days: int) -> Year:
        """Return the year. After the last day, time passes without changes until age alone has found everything."""
        quiet = AGE_DAYS + len(self._chosen) // max(1, self._budget // 2) + 2
        for day in range(days + quiet):
            if day < days:
                self._change(day)
            self._pass_a_day()
            self._look(day)
            if day % RUN_EVERY == RUN_EVERY - 1:
                self._command("run", "--no-progress")
        year = self._year
        year.missed = list(self._open.values())
        ((year.tracks,),) = self._sql("SELECT count(*) FROM tracks")
        return year

    def _change(self, day: int) -> None:
        rng, site = self._rng, self._site
        for track_id in rng.sample(self._others, min(5, len(self._others))):
            site.add_replays(track_id, 1)
        for track_id in rng.sample(self._chosen, rng.choice((0, 1, 1, 2))):
            sort = rng.choices(("replay", "record", "withdrawn", "map"), (5, 3, 2, 1))[0]
            item_id = track_id
            if sort == "replay":
                (item_id,) = site.add_replays(track_id, 1)
            elif sort == "record":
                item_id = site.add_record(track_id)
            elif sort == "withdrawn":
                ranked = [row["replay_id"] for row in site.leaderboard(track_id) if row["position"] is not None]
                known = [i for i in ranked if ("replay", i) not in self._open and ("record", i) not in self._open]
                if not known:
                    continue
                item_id = rng.choice(known)
                site.withdraw_replay(item_id)
            else:
                if not self._sql(f"SELECT 1 FROM replays WHERE track_id = {track_id} AND position IS NOT NULL"):
                    continue
                site.update_track(track_id)
                self._settle_replaced(track_id)
            self._open[sort, item_id] = SiteChange(day, sort, item_id)

    def _settle_replaced(self, track_id: int) -> None:
        """Forget changes of a leaderboard that a new map has emptied before they could be seen."""
        of_track = {row["replay_id"] for row in self._site.leaderboard(track_id)}
        withdrawn = {i for sort, i in self._open if sort == "withdrawn"}
        gone = {i for (i,) in self._sql(f"SELECT replay_id FROM replays WHERE track_id = {track_id}")} & withdrawn
        for sort in ("replay", "record", "withdrawn"):
            for item_id in of_track | gone:
                self._open.pop((sort, item_id), None)

    def _pass_a_day(self) -> None:
        with contextlib.closing(sqlite3.connect(self._db, timeout=30)) as connection, connection:
            for table, columns in TIMES.items():
                earlier = ", ".join(f"{name} = strftime('%Y-%m-%dT%H:%M:%fZ', {name}, '-1 day')" for name in columns)
                connection.execute(f"UPDATE {table} SET {earlier}")

    def _look(self, day: int) -> None:
        self._site.clear_log()
        self._command("refresh", "--older-than", f"{AGE_DAYS}d", "--max-requests", self._budget, "--no-progress")
        lines = [line["path"] for line in self._site.log()]
        self._year.requests.append(len(lines))
        listed = {int(path.split("trackId=")[1].split("&")[0]) for path in lines if path.startswith("/api/replays")}
        self._year.outside += sorted(listed - set(self._chosen))
        found = json.loads(self._command("changes", "--since", "12h", "--json"))
        seen = [("record", row["replay_id"]) for row in found["records"]]
        seen += [("replay", row["replay_id"]) for row in found["replays"]]
        # Why a replay left is known when the listing without it is compared: a new map explains all that left with it.
        seen += [("withdrawn", row["replay_id"]) for row in found["left"]]
        seen += [("map", row["track_id"]) for row in found["maps"]]
        seen += [("record", row["replay_id"]) for row in found["replays"]]  # beaten by another on the same day
        for key in seen:
            change = self._open.pop(key, None)
            if change is not None:
                self._year.delays.setdefault(change.sort, []).append(day - change.day)

    def _command(self, *words: object) -> str:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                tmxdb.main(["--db", str(self._db), *map(str, words)], prog_name="tmxdb", standalone_mode=False)
            except SystemExit as ended:
                if ended.code not in (0, 3, None):
                    raise RuntimeError(f"{words}: {err.getvalue()}") from ended
        return out.getvalue()

    def _sql(self, query: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self._db, timeout=30)) as connection:
            return connection.execute(query).fetchall()


def row_of(name: str, year: Year) -> Sequence[object]:
    """Return a line of the table."""
    every = [delay for delays in year.delays.values() for delay in delays]
    return (
        name, year.changes, len(year.missed), median(every), max(every), sum(year.requests), max(year.requests),
        len(year.outside), year.tracks,
    )  # fmt: skip


def main() -> None:
    """Simulate both sites and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("days", 365), ("tracks", 500), ("chosen", 40), ("budget", 12)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = vars(parser.parse_args())
    columns = ("site", "found", "missed", "median days", "most days", "requests", "most a day", "outside", "tracks")
    rows = [
        row_of("activity stays" if still else "activity moves", simulate(**options, still=still))
        for still in (False, True)
    ]
    print_rows("A year of daily refreshes", columns, rows)


if __name__ == "__main__":
    main()

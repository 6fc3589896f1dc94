"""The card of a lake: what it contains, from where, how many rows, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, TrackRow, table_of
from tmxdb.db.settings import setting
from tmxdb.export.hub_card import LICENCE, SUMS, front_matter
from tmxdb.export.lake.layout import ENVIRONMENT
from tmxdb.export.lake.records import FILES, LakeFile, LakeState

_tracks, _replays = table_of(TrackRow), table_of(ReplayRow)
CONTENT = {
    "tracks": "a track, with all facts of the site",
    "replays": "a replay, with the facts of the leaderboard and of its file",
    "maps": "the map of a track, with the facts of its file",
    "captures": "a capture, without its frames",
    "checkpoints": "a checkpoint that was crossed",
    "inputs": "an input event: time, control, value",
    "lines": "a position of a ghost, every 50 or 100 ms",
}


@dataclass(frozen=True, slots=True)
class MirrorFacts:
    """Where the rows come from: the whole database, also if a lake has some tracks only."""

    site: str
    listed_at: str
    tracks: int
    replays: int
    by_status: Mapping[str, int]
    by_device: Mapping[str, int]
    finished: int
    shortest_ms: int | None
    longest_ms: int | None


def mirror_facts(database: Database) -> MirrorFacts:
    """Return the facts of the database for its cards."""
    done = _replays.c.status == "done"
    runs = select(
        func.count(), func.min(_replays.c.race_time_ms), func.max(_replays.c.race_time_ms)
    ).where(_replays.c.finished)  # fmt: skip
    with database.read() as connection:
        by_status = _counts(connection.execute(select(_replays.c.status, func.count()).group_by(_replays.c.status)))
        devices = select(_replays.c.device, func.count()).where(done).group_by(_replays.c.device)
        finished, shortest, longest = connection.execute(runs).one()
        return MirrorFacts(
            setting(connection, "site") or "unknown",
            connection.execute(select(func.max(_tracks.c.listed_at))).scalar() or "never",
            connection.execute(select(func.count()).select_from(_tracks)).scalar_one(),
            sum(by_status.values()),
            by_status,
            _counts(connection.execute(devices)),
            finished,
            shortest,
            longest,
        )


def lake_card(state: LakeState, files: Sequence[LakeFile], facts: MirrorFacts) -> str:
    """Return the text of the card."""
    form = state.settings.form
    tables = [name for name in CONTENT if name in state.tables]
    configs = {
        table: [("train", f"{table}/*/*.{form}")] for table in tables if any(file.table == table for file in files)
    }
    lines = [
        *front_matter(
            "TrackMania tracks and replays",
            ("trackmania", "tabular", "replays", form),
            ("tabular-regression", "reinforcement-learning"),
            sum(file.rows for file in files),
            configs,
        ),
        "# TrackMania tracks and replays",
        "",
        "Tables of a tmxdb mirror. One row of a table is:",
        "",
        *(f"- `{table}`: {CONTENT[table]}" for table in tables),
        "",
        *count_rows(state, files),
        "",
        *described(
            [
                f"- format: {form}; tracks: {state.settings.tracks}",
                f"- folders: `{ENVIRONMENT.name}=…`, the environment of the track; file names: ranges of ids",
            ],
            facts,
            _left_out(files),
        ),
        "## Files",
        "",
        f"`{SUMS}` has the SHA-256 of every file, `{FILES}` its number of rows and the replays left out.",
        "",
        *LICENCE,
    ]
    return "\n".join(lines)


def described(settings: Sequence[str], facts: MirrorFacts, left_out: Sequence[str]) -> list[str]:
    """Return the sections on settings, source and gaps. `settings`, `left_out`: lines about this export."""
    return [
        "## Settings",
        "",
        *settings,
        "- times ending in `_ms` are milliseconds; every Parquet column has its meaning and unit in its metadata",
        "",
        "## Source",
        "",
        f"- site: {facts.site}; leaderboards listed until {facts.listed_at}",
        f"- the database has {facts.tracks:,} tracks and {facts.replays:,} replays; {facts.finished:,} finished",
        f"- race times: {_range(facts)}",
        f"- devices of downloaded replays: {_named(facts.by_device)}",
        "",
        "## Known gaps",
        "",
        f"- replays by state of their download: {_named(facts.by_status)}. Others than `done` have no facts of a file.",
        *left_out,
        "- names and times of the site are as its users entered them.",
        "",
    ]


def count_rows(state: LakeState, files: Iterable[LakeFile]) -> list[str]:
    """Return the table of the card with the size of each exported table."""
    every = list(files)
    rows = [
        "| table | environment | files | rows | MB | exported at | tmxdb |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, table in state.tables.items():
        mine = [file for file in every if file.table == name]
        about = f"{table.finished_at or 'not finished'} | {table.tmxdb_version}"
        for environment in sorted({_environment(file) for file in mine}) or ["-"]:
            some = [file for file in mine if _environment(file) == environment]
            sizes = f"{sum(file.rows for file in some):,} | {sum(file.bytes for file in some) / 1e6:,.1f}"
            rows.append(f"| {name} | {environment} | {len(some):,} | {sizes} | {about} |")
    return rows


def _left_out(files: Iterable[LakeFile]) -> list[str]:
    reasons: dict[str, int] = {}
    for file in files:
        for why in file.left_out.values():
            kind = why if why.startswith("the file") else "the file is missing or damaged."
            reasons[kind] = reasons.get(kind, 0) + 1
    return [f"- replays without a line: {count:,}: {why}" for why, count in sorted(reasons.items())]


def _environment(file: LakeFile) -> str:
    return file.file.split("/")[1].partition("=")[2]


def _counts(rows: Iterable[Any]) -> dict[str, int]:
    return {str(name or "unknown"): count for name, count in rows}


def _named(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "none"


def _range(facts: MirrorFacts) -> str:
    if facts.shortest_ms is None or facts.longest_ms is None:
        return "unknown"
    return f"{facts.shortest_ms / 1000:,.2f} to {facts.longest_ms / 1000:,.2f} s"

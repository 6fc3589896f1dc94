"""What the status says in words, for the text, the screen and the web page alike."""

from __future__ import annotations

from datetime import datetime

from tmxdb.clock import from_iso, span
from tmxdb.formats import file_size, plural
from tmxdb.reports.status.state import LiveWorker, Status, seconds_since
from tmxdb.storage import id_name

ROWS_SHOWN = 3
"""Rows named of those that a worker is working on."""


def headline(state: Status) -> str:
    """Return which database it is and where its files are."""
    size = "" if state.database_bytes is None else f", {file_size(state.database_bytes)}"
    return f"{state.database} ({state.site or 'no site yet'}{size}); files in {state.data}"


def files_line(state: Status) -> str:
    """Return what is on disk, and what is free."""
    kept = []
    for name, files in state.files.items():
        frames = f" with {plural(files['frames'], 'frame')}" if "frames" in files else ""
        least = "" if files.get("complete", 1) else "more than "
        kept.append(f"{plural(files['n'], name[:-1])}{frames}, {least}{file_size(files['bytes'])}")
    free = "" if state.free_bytes is None else f"; {file_size(state.free_bytes)} free on the disk"
    return f"Files: {'; '.join(kept)}{free}."


def frames_line(state: Status) -> str | None:
    """Return how many frames captures missed; None if none."""
    found = state.incomplete_captures
    if found is None:
        return None
    due = found.frames_missed + found.frames_stored
    return (
        f"Frames: {found.frames_missed:,} of {due:,} due frames were missed in {plural(found.captures, 'capture')}"
        " (column frames_missed). A lower --running-speed, or `tmxdb work --adapt-speed`, avoids that."
    )


def selection_line(state: Status) -> str | None:
    """Return which tracks the counts are of; None for all tracks."""
    if not state.track_ids:
        return f"Only the tracks of the selection {state.selection}." if state.selection else None
    n = len(state.track_ids)
    return f"Only track {id_name(state.track_ids[0])}." if n == 1 else f"Only {n:,} tracks."


def forecast_line(state: Status) -> str | None:
    """Return how much disk space is still needed; None if nothing is."""
    forecast = state.forecast
    if not forecast.bytes:
        return None
    maps, captures = state.open_rows("extract"), state.open_rows("capture")
    parts = []
    if forecast.replays:
        parts.append(f"{plural(forecast.replays, 'replay')} and their maps")
    elif maps:
        parts.append(plural(maps, "map"))
    if captures:
        parts.append(plural(captures, "capture"))
    return f"To come: about {file_size(forecast.bytes)} for {', '.join(parts)}."


def data_warning(state: Status) -> str | None:
    """Return a warning if the data folder has none of the files that are counted."""
    if state.data_problem is None:
        return None
    return f"Warning: {state.data_problem}. Check that its disk is mounted; `tmxdb doctor` says what to do."


def disk_warning(state: Status) -> str | None:
    """Return a warning if the disk will be full before everything is done."""
    if not state.forecast.will_be_full or state.free_bytes is None:
        return None
    missing = state.forecast.bytes - state.free_bytes
    room = f" {file_size(missing)} are missing." if missing > 0 else ""
    return f"Warning: the disk will be full before everything is done.{room} Make room, or choose less with --top."


def time_line(state: Status, now: datetime) -> str | None:
    """Return when everything will be done, or that it is unknown; None if nothing is left. `now`: local time."""
    seconds = state.seconds_until_done
    if seconds is None:
        worked_on = {kind for worker in state.workers for kind in worker.kinds.split()}
        return "Time left: unknown." if any(map(state.open_rows, worked_on)) else None
    end = datetime.fromtimestamp(now.timestamp() + seconds, now.tzinfo)
    moment = f"{end:%H:%M}" if seconds < 20 * 3600 else f"{end:%A %H:%M}" if seconds < 6 * 86_400 else f"{end:%Y-%m-%d}"
    return f"Done in about {span(seconds)}, at {moment}."


def pause_lines(state: Status) -> list[str]:
    """Return what is paused, by the site and by the user."""
    lines = []
    if state.pause:
        lines.append(f"Requests are paused until {state.pause['until']}: {state.pause['reason']}.")
    lines += [f"{paused}; `tmxdb resume {paused.kind}` ends the pause." for paused in state.paused]
    return lines


def worker_lines(worker: LiveWorker, at_ms: int) -> list[str]:
    """Return who a worker is, what it has done, and what it does now."""
    counts = [
        f"{n:,} {word}"
        for n, word in (
            (worker.done, "done"),
            (worker.skipped, "skipped"),
            (worker.failed, "failed"),
            (worker.retried, "retried"),
        )
        if n or word == "done"
    ]
    rate = sum(worker.rates.values())
    pace = f", {rate:g}/s" if rate else ""
    requests = f", {plural(worker.concurrency, 'request')} at a time" if worker.concurrency is not None else ""
    beat = seconds_since(worker.heartbeat_at, at_ms)
    quiet = f"; last heartbeat {span(beat)} ago" if beat > 15 else ""
    runs = span(seconds_since(worker.started_at, at_ms))
    kinds = worker.kinds.replace(" ", ", ")
    return [
        f"{worker.worker_id}: {kinds}; {plural(worker.n, 'job')} at a time{requests}, for {runs}{quiet}",
        f"  {', '.join(counts)}{pace}; now: {doing(worker)}",
    ]


def doing(worker: LiveWorker) -> str:
    """Return which rows a worker is working on: `download 4471203, 4471204 and 62 more`.

    Rows that wait for the rate limit have not been begun.
    """
    parts = []
    for kind, ids in worker.working_on.items():
        more = f" and {len(ids) - ROWS_SHOWN:,} more" if len(ids) > ROWS_SHOWN else ""
        parts.append(f"{kind} {', '.join(map(id_name, ids[:ROWS_SHOWN]))}{more}")
    return "; ".join(parts) or "waiting for the next job"


def at_ms(state: Status) -> int:
    """Return when the status was read."""
    return from_iso(state.at)

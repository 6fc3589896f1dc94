"""`tmxdb status`: estimates of time and disk, what workers do, and metrics."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.rows import NOW, STATES, Rows
from tmxdb.capture.frame_plan import estimate_race
from tmxdb.capture.settings import CaptureSettings
from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.models import TrackRow
from tmxdb.db.reading.reader import Reader
from tmxdb.process_identity import process_started_ms, this_machine
from tmxdb.reports.status import Status, read_status
from tmxdb.reports.status.estimates import (
    SampledTrack,
    disk_forecast,
    replays_per_open_track,
    replays_to_come,
    seconds_left,
    seconds_until_done,
)
from tmxdb.reports.status.prometheus import as_prometheus
from tmxdb.reports.status.sentences import forecast_line, time_line
from tmxdb.reports.status.state import KINDS, STATUSES
from tmxdb.selections.reading import ChosenTracks


def kinds(**counts: dict[str, int]) -> dict[str, dict[str, int]]:
    """Counts of rows; what is not named is 0."""
    return {kind: {**dict.fromkeys(STATUSES, 0), **counts.get(kind, {})} for kind in KINDS}


def test_replays_of_tracks_that_were_not_listed_yet_are_expected() -> None:
    counts = kinds(list={"done": 10, "pending": 30}, download={"done": 50, "pending": 50})
    assert replays_to_come(counts) == 50 + 30 * 10
    assert replays_to_come(kinds(list={"pending": 30})) == 0
    assert replays_to_come(counts, 2.5) == 50 + 75


def test_tracks_without_a_record_are_expected_to_have_no_replay() -> None:
    sample = [SampledTrack(True, 8, True), SampledTrack(True, 4, True), SampledTrack(True, 0, False)]
    sample += [SampledTrack(False, 0, True), *[SampledTrack(False, 0, False)] * 3]
    assert replays_per_open_track(sample) == 6 / 4
    assert replays_per_open_track(sample[:3]) is None
    assert replays_per_open_track(sample[3:]) is None


def test_downloads_end_when_all_requests_of_listing_and_downloading_are_sent() -> None:
    counts = kinds(list={"done": 10, "pending": 30}, download={"done": 50, "pending": 50})
    left = seconds_left(counts, {"list": 2.0, "download": 8.0}, 350)
    assert left == {"list": 15.0, "download": (30 + 350) / 10}
    assert seconds_until_done(counts, left, {"list", "download"}) == 38.0


def test_downloads_have_the_requests_of_listing_when_all_tracks_are_listed() -> None:
    counts = kinds(list={"done": 40}, download={"done": 50, "pending": 350})
    assert seconds_left(counts, {"list": 2.0, "download": 8.0}, 350) == {"download": 35.0}


def test_it_is_said_that_the_time_is_unknown(state: Status) -> None:
    now = datetime(2026, 11, 29, 18, 30, tzinfo=UTC)
    assert time_line(state, now) == "Done in about 2 s, at 18:30."
    unknown = replace(state, seconds_until_done=None)
    assert time_line(unknown, now) == "Time left: unknown."
    assert time_line(replace(unknown, workers=[]), now) is None


@pytest.mark.parametrize("kind", ["all", "download", "extract"])
def test_there_is_no_estimate_while_the_kind_is_paused(state: Status, rows: Rows, tmp_path: Path, kind: str) -> None:
    assert state.seconds_until_done == 2.0
    rows.write(f"INSERT INTO pauses (kind, since) VALUES ('{kind}', '{iso(NOW)}')")
    reader = Reader(rows.database.location)
    now = read_status(reader, tmp_path, None, NOW)
    reader.close()
    assert now.seconds_until_done == (2.0 if kind == "extract" else None)
    assert now.rates == state.rates


def test_there_is_no_estimate_without_a_rate_for_what_is_open() -> None:
    counts = kinds(list={"done": 10, "pending": 30}, download={"pending": 50}, capture={"pending": 5})
    assert seconds_left(counts, {"list": 2.0}, 350) == {"list": 15.0}
    assert seconds_until_done(counts, {"list": 15.0}, {"list", "download"}) is None
    only_downloads = kinds(download={"pending": 50}, capture={"pending": 5})
    left = seconds_left(only_downloads, {"download": 5.0}, 50)
    assert seconds_until_done(only_downloads, left, {"download"}) == 10.0
    assert seconds_until_done(only_downloads, left, {"capture"}) is None
    assert seconds_until_done(kinds(), {}, {"download"}) is None


def test_the_disk_forecast_is_the_average_file_times_the_open_rows_and_what_captures_take() -> None:
    counts = kinds(
        download={"done": 10, "pending": 90}, extract={"done": 2, "retry": 3}, capture={"done": 1, "pending": 4}
    )
    sizes = {"list": 0, "download": 1000, "extract": 20, "capture": 0}
    forecast = disk_forecast(counts, sizes, 9_000, replays=90, capture_bytes=700)
    assert forecast.bytes == 90 * 100 + 3 * 10 + 700
    assert forecast.will_be_full
    assert not disk_forecast(counts, sizes, 20_000, replays=90, capture_bytes=700).will_be_full
    assert not disk_forecast(counts, sizes, None, replays=90, capture_bytes=700).will_be_full


def test_captures_to_come_are_estimated_by_their_settings_whatever_is_done(rows: Rows, tmp_path: Path) -> None:
    small, tar = CaptureSettings(), CaptureSettings(width=128, height=96, store="tar")
    for replay_id, race_time_ms in ((11, 10_000), (12, 30_000), (13, 20_000)):
        rows.replay(replay_id, "done", race_time_ms=race_time_ms, file_bytes=1)
    rows.capture(1, 11, settings=small.to_json())
    rows.capture(2, 12, "retry", settings=small.to_json())
    rows.capture(3, 13, settings=tar.to_json())
    rows.capture(4, 13, settings="not JSON")
    rows.change(TrackRow, 1, status="skipped", **STATES["skipped"])
    estimates = [estimate_race(10_000, small), estimate_race(30_000, small), estimate_race(20_000, tar)]
    expected = sum(estimate.frame_bytes for estimate in estimates)
    reader = Reader(rows.database.location)
    assert read_status(reader, tmp_path, None, NOW).forecast.bytes == pytest.approx(expected, rel=0.01)
    rows.capture(5, 13, "done", settings=small.to_json(), frame_count=9)
    folder = tmp_path / "frames" / "1" / "x"
    folder.mkdir(parents=True)
    (folder / "frames.tar").write_bytes(bytes(1_000_000))
    assert read_status(reader, tmp_path, None, NOW).forecast.bytes == pytest.approx(expected, rel=0.01)
    only = read_status(reader, tmp_path, None, NOW, ChosenTracks(None, (2,)))
    assert only.forecast.bytes == 0
    reader.close()


@pytest.mark.parametrize(
    ("open_rows", "replays", "what"),
    [
        ({"download": {"pending": 2}, "capture": {"done": 1, "pending": 3}}, 2, "2 replays and their maps, 3 captures"),
        ({"capture": {"done": 1, "retry": 1}}, 0, "1 capture"),
        ({"extract": {"pending": 1}}, 0, "1 map"),
        ({"extract": {"pending": 1}, "capture": {"pending": 1}}, 0, "1 map, 1 capture"),
        ({"capture": {"done": 1}}, 0, None),
        ({"capture": {"pending": 1}}, 0, "1 capture"),
    ],
)
def test_what_takes_disk_space_is_named(
    state: Status, open_rows: dict[str, dict[str, int]], replays: int, what: str | None
) -> None:
    counts = kinds(**open_rows)
    capture_bytes = 700 if what and "capture" in what else 0
    forecast = disk_forecast(counts, dict.fromkeys(KINDS, 0), None, replays=replays, capture_bytes=capture_bytes)
    line = forecast_line(replace(state, kinds=counts, forecast=forecast))
    assert (line is None) if what is None else (line or "").endswith(f" for {what}.")


@pytest.fixture
def state(database: Database, rows: Rows, tmp_path: Path) -> Status:
    """A status with a live worker, one whose process has ended, files, frames and errors."""
    rows.track(1, "done")
    rows.replay(11, "done", file_bytes=700)
    rows.replay(12, "failed", error='a "quoted"\\ reason\nof two lines')
    rows.replay(13)
    rows.capture(1, 11, "done", frame_count=9, frames_missed=1)
    rows.capture(2, 11, "done", settings="[]", frame_count=4)
    rows.write("INSERT INTO attempts (kind, item_id, attempt, ended_at, outcome, error_code, error) VALUES"
               f" ('download', 12, 1, '{iso(NOW)}', 'failed', 'gbx.lzo', 'broken')")  # fmt: skip
    me = {"pid": os.getpid(), "process_started_ms": process_started_ms(os.getpid()), "machine": this_machine()}
    for name, started in (("alive", me["process_started_ms"]), ("ended", 1)):
        values = {**me, "process_started_ms": started, "worker_id": name, "at": iso(NOW), "host": "here"}
        with database.write() as connection:
            connection.exec_driver_sql(
                "INSERT INTO workers (worker_id, host, machine, pid, process_started_ms, kinds, n, started_at,"
                " heartbeat_at, lease_until, per_second, begun) VALUES ('{worker_id}', '{host}', '{machine}', {pid},"
                " {process_started_ms}, 'list download', 8, '{at}', '{at}', '{at}', '{rates}', '{begun}')".format(
                    **values, rates=json.dumps({"download": 0.5}), begun=json.dumps({"download": [13], "list": []})
                )
            )
    reader = Reader(database.location)
    state = read_status(reader, tmp_path, 10_000_000, NOW)
    reader.close()
    return state


def test_the_estimate_samples_tracks_over_all_ids(database: Database, rows: Rows, tmp_path: Path) -> None:
    for track_id in range(-2, 2000, 97):
        rows.track(track_id, "done" if track_id < 1000 else "pending", wr_replay_id=1, listed_count=7)
    rows.write("UPDATE tracks SET listed_count = NULL WHERE status = 'pending'")
    n = rows.sql("SELECT count(*) FROM tracks WHERE status = 'pending'")[0][0]
    reader = Reader(database.location)
    assert read_status(reader, tmp_path, None, NOW).forecast.replays == 7 * n
    reader.close()


def test_the_status_names_live_workers_and_what_they_do(state: Status) -> None:
    (worker,) = state.workers
    assert (worker.worker_id, worker.working_on) == ("alive", {"download": [13]})
    assert state.seconds_left == {"download": 2.0}
    assert state.seconds_until_done == 2.0
    assert state.as_json()["workers"][0]["width"] is None


def test_the_status_has_bytes_frames_and_the_latest_errors(state: Status) -> None:
    assert state.files["replays"] == {"n": 1, "bytes": 700}
    assert state.files["captures"]["frames"] == 13
    assert state.incomplete_captures is not None
    assert (state.incomplete_captures.captures, state.incomplete_captures.frames_missed) == (1, 1)
    assert [(error.item_id, error.error_code) for error in state.recent_errors] == [(12, "gbx.lzo")]
    assert state.forecast.bytes == 700


METRIC = re.compile(r'[a-z_]+(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? -?\d+(\.\d+)?')


def test_metrics_are_valid_and_have_the_numbers_of_the_status(state: Status) -> None:
    lines = as_prometheus(replace(state, rate_limit=None)).splitlines()
    assert all(METRIC.fullmatch(line) or re.fullmatch(r"# (HELP|TYPE) [a-z_]+ .+", line) for line in lines), lines
    assert 'tmxdb_rows{kind="download",status="done"} 1' in lines
    assert 'tmxdb_failures{kind="download",status="failed",error_code="gbx.lzo"} 1' in lines
    assert "tmxdb_frames 13" in lines
    assert "tmxdb_workers 1" in lines
    assert not any(line.startswith("tmxdb_rate_limit") for line in lines)
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))

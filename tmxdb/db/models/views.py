"""What each view answers, for the schema page. Their SQL is in `migrations/sql/`."""

from __future__ import annotations

VIEWS = {
    "jobs": "all rows of the four job tables; `lease_until` is the lease of the worker that holds the row",
    "progress": "how many rows of each kind have which status",
    "missing": "rows that are not done, with the reason",
    "failures": "failed, skipped and waiting rows by `error_code`, with an example",
    "leaderboard": "rank (from 1), driver, time, gap to the record, device, respawns and file of every ranked replay",
    "drivers": "for each driver: replays, tracks and records; after a change of name a row for each name still listed",
    "keyboard_runs": "finished runs of downloaded replays that were driven with the keyboard",
    "keyboard_records": "the fastest keyboard run of each track, also on an older map; `rank` is NULL if unranked",
    "records": "the record of each track: driver, time, since when",
    "record_history": "every record that a track ever had, from when until when, as far as tmxdb has seen it",
    "leaderboard_at": "positions with the times from which and until which they held: a leaderboard at any moment",
    "track_progress": "for each track: replays listed, downloaded and given up; its map",
    "track_tags": "a row for each tag of each track",
    "checkpoint_times": "a row for each checkpoint of each replay",
    "inputs": 'the input events of each replay as JSON: `[[time_ms, "Steer", -65536], …]`, in race time',
    "input_events": "a row for each input event of each replay",
    "politeness": "the older name of the table `rate_limit`, kept for this version",
}

"""The status in the text format of Prometheus, for its node exporter's textfile collector or any script.

Format: prometheus.io/docs/instrumenting/exposition_formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tmxdb.reports.status.state import KINDS, Status


@dataclass(frozen=True, slots=True)
class _Metric:
    name: str
    help: str
    values: Iterable[tuple[Mapping[str, str], float | int | None]]


def as_prometheus(state: Status) -> str:
    """Return the metrics. One without a value, such as free space that is not known, is left out."""
    return "".join(line + "\n" for metric in _metrics(state) for line in _lines(metric))


def _metrics(state: Status) -> Iterator[_Metric]:
    yield _Metric(
        "tmxdb_rows",
        "Rows by kind and status.",
        [
            ({"kind": kind, "status": status}, n)
            for kind, statuses in state.kinds.items()
            for status, n in statuses.items()
        ],
    )
    yield _Metric(
        "tmxdb_jobs_per_second",
        "Jobs finished per second lately.",
        [({"kind": kind}, state.rates.get(kind, 0.0)) for kind in KINDS],
    )
    yield _Metric(
        "tmxdb_seconds_left",
        "Estimated seconds until a kind has nothing left.",
        [({"kind": kind}, seconds) for kind, seconds in state.seconds_left.items()],
    )
    yield _Metric("tmxdb_workers", "Workers that run.", [({}, len(state.workers))])
    yield _Metric(
        "tmxdb_failures",
        "Failed, skipped and waiting rows by error code.",
        [({"kind": one.kind, "status": one.status, "error_code": one.error_code}, one.n) for one in state.failures],
    )
    yield _Metric("tmxdb_paused", "Kinds that a user has paused.", [({"kind": one.kind}, 1) for one in state.paused])
    yield _Metric("tmxdb_site_paused", "Whether the site asked for a pause.", [({}, int(state.pause is not None))])
    yield _Metric("tmxdb_rate_limit", "Requests per second allowed; absent: no limit.", [({}, state.rate_limit)])
    yield _Metric("tmxdb_files", "Files on disk.", [({"kind": name}, one["n"]) for name, one in state.files.items()])
    yield _Metric(
        "tmxdb_file_bytes",
        "Size of these files.",
        [({"kind": name}, one["bytes"]) for name, one in state.files.items()],
    )
    yield _Metric("tmxdb_frames", "Frames captured.", [({}, state.files.get("captures", {}).get("frames", 0))])
    yield _Metric("tmxdb_database_bytes", "Size of the database.", [({}, state.database_bytes)])
    yield _Metric("tmxdb_disk_free_bytes", "Free space on the disk of the data folder.", [({}, state.free_bytes)])
    yield _Metric("tmxdb_disk_needed_bytes", "Estimated size of the files to come.", [({}, state.forecast.bytes)])
    yield _Metric(
        "tmxdb_disk_will_be_full", "Whether that is more than is free.", [({}, int(state.forecast.will_be_full))]
    )


def _lines(metric: _Metric) -> Iterator[str]:
    values = [(labels, value) for labels, value in metric.values if value is not None]
    if not values:
        return
    yield f"# HELP {metric.name} {metric.help}"
    yield f"# TYPE {metric.name} gauge"
    for labels, value in values:
        inside = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
        yield f"{metric.name}{'{' + inside + '}' if inside else ''} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

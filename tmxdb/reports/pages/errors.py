"""Why rows are not done: grouped by error code, the newest first, each with what to type."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tmxdb.db.reading.reader import Reader

NOUNS = {"list": "track", "download": "replay", "extract": "map", "capture": "capture"}
_TABLES = {
    "list": ("tracks", "track_id"),
    "download": ("replays", "replay_id"),
    "extract": ("maps", "track_id"),
    "capture": ("captures", "capture_id"),
}


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Rows of one kind that failed, were skipped or wait for the same reason. `last_at`: when one of them last did.

    `meaning`: of the code. `advice`: what to do. `commands`: what to type for it.
    """

    kind: str
    status: str
    error_code: str
    n: int
    last_at: str | None
    example_id: int
    example: str
    meaning: str
    advice: str
    commands: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return the same values for `json.dumps`."""
        return asdict(self)


def read_errors(reader: Reader, *, kinds: tuple[str, ...] = (), statuses: tuple[str, ...] = ()) -> list[ErrorGroup]:
    """Return the groups of `kinds` and `statuses` (default: all), the one with the newest error first."""
    groups = []
    with reader.snapshot():
        for row in reader.rows("SELECT kind, status, error_code, n, example_id, example FROM failures"):
            if (kinds and row["kind"] not in kinds) or (statuses and row["status"] not in statuses):
                continue
            groups.append(_group(row, _last_at(reader, row)))
    return sorted(groups, key=lambda group: (group.last_at or "", group.n), reverse=True)


def _last_at(reader: Reader, row: dict[str, Any]) -> str | None:
    table, key = _TABLES[row["kind"]]
    same = {"status": row["status"], "code": row["error_code"]}
    if row["status"] != "retry":
        newest = f"SELECT max(finished_at) FROM {table} WHERE error_code = :code AND status = :status"
        return _text(reader.value(newest, **same))
    attempted = (
        f"SELECT max(attempts.ended_at) FROM {table} AS job JOIN attempts ON attempts.kind = :kind"
        f" AND attempts.item_id = job.{key} WHERE job.error_code = :code AND job.status = :status"
    )
    return _text(reader.value(attempted, kind=row["kind"], **same))


def _group(row: dict[str, Any], last_at: str | None) -> ErrorGroup:
    from tmxdb.failure_policy import policy_for_code

    kind, status, code = row["kind"], row["status"], row["error_code"]
    meaning = policy_for_code(code).why
    show = f"tmxdb show {NOUNS[kind]} {row['example_id']}"
    selected = f"--kind {kind} --code {code}"
    if status == "retry":
        advice = "They are tried again by themselves while a worker runs. To try them at once:"
        commands = [f"tmxdb retry --status retry {selected}"]
    elif status == "failed":
        advice = "Look at one, remove the cause, then try all of them again:"
        commands = [show, f"tmxdb retry {selected}"]
    elif code == "user.skipped":
        advice = "They were skipped on request. To take that back:"
        commands = [f"tmxdb retry --status skipped {selected}"]
    else:
        advice = "Nothing to do. To ask once more:"
        commands = [f"tmxdb retry --status skipped {selected}"]
    example = (str(row["example"] or "").strip().splitlines() or [""])[-1]
    return ErrorGroup(kind, status, code, row["n"], last_at, row["example_id"], example, meaning, advice, commands)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)

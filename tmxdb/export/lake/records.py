"""What was written into a lake: `lake.json` has its settings and tables, `lake.files.jsonl` a line for each file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tmxdb.errors import InvalidInput
from tmxdb.storage import disk_errors, is_below, write_atomic
from tmxdb.storage.os_errors import CHOOSE_OUT

STATE, FILES = "lake.json", "lake.files.jsonl"


@dataclass(frozen=True, slots=True)
class LakeFile:
    """A file of a lake.

    `fingerprint`: a hash of what decides its content. `round`: the export of its table that looked at it last.
    `left_out`: replays without rows, by id, with the reason.
    """

    table: str
    file: str
    rows: int
    bytes: int
    sha256: str
    fingerprint: str
    round: int
    left_out: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LakeTable:
    """The last export of a table. Times are ISO 8601; `finished_at` is None until all its files are written."""

    round: int
    started_at: str
    finished_at: str | None = None
    tmxdb_version: str = ""


@dataclass(frozen=True, slots=True)
class LakeSettings:
    """What every export into one lake has in common. `tracks`: which ones, as text."""

    form: str
    tracks: str
    for_spreadsheet: bool = False

    def __str__(self) -> str:
        return f"{self.form}{' for spreadsheets' if self.for_spreadsheet else ''}, tracks: {self.tracks}"


@dataclass(slots=True)
class LakeState:
    """The content of `lake.json`. `card_sha256`: the hash of the card as it was written."""

    settings: LakeSettings
    tables: dict[str, LakeTable] = field(default_factory=dict)
    card_sha256: str = ""

    def save(self, out: Path) -> None:
        """Write it. Raise DiskError."""
        write_atomic(out / STATE, json.dumps(asdict(self), indent=1).encode() + b"\n", instead=CHOOSE_OUT)


def load_state(out: Path) -> LakeState:
    """Return the state of the lake in `out`. Raise InvalidInput if there is no lake."""
    try:
        value = json.loads((out / STATE).read_text("utf-8"))
        tables = {str(name): LakeTable(**table) for name, table in value["tables"].items()}
        if not all(isinstance(table.round, int) for table in tables.values()):
            raise TypeError
        return LakeState(LakeSettings(**value["settings"]), tables, str(value["card_sha256"]))
    except FileNotFoundError as error:
        raise InvalidInput(f"{out} contains no export: {STATE} does not exist.", code="input.no_export") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{out / STATE} cannot be read as that of an export.", code="input.no_export") from error


def load_files(out: Path) -> dict[str, LakeFile]:
    """Return the recorded files by path. A line that was cut short is left out: its file is written again.

    So is a line whose file is not in the folder of its table: the lake may come from anyone.
    """
    try:
        lines = (out / FILES).read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    found: dict[str, LakeFile] = {}
    for line in lines:
        try:
            row: dict[str, Any] = json.loads(line)
            left_out = {int(replay): str(why) for replay, why in row.pop("left_out").items()}
            file = LakeFile(**row, left_out=left_out)
            if is_below(file.file) and file.file.startswith(f"{file.table}/"):  # files of a round may be deleted
                found[file.file] = file
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return found


def append_file(out: Path, file: LakeFile) -> None:
    """Record a file that is in place. Raise DiskError."""
    with disk_errors(FILES, instead=CHOOSE_OUT), (out / FILES).open("a", encoding="utf-8") as records:
        records.write(_line(file))
        records.flush()
        os.fsync(records.fileno())


def save_files(out: Path, files: Iterable[LakeFile]) -> None:
    """Write the records again, one line per file. Raise DiskError."""
    write_atomic(out / FILES, "".join(map(_line, files)).encode(), instead=CHOOSE_OUT)


def _line(file: LakeFile) -> str:
    return json.dumps(asdict(file), separators=(",", ":")) + "\n"

"""Verifies a lake: every file is there and unchanged, nothing else is, and the card has the right counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tmxdb.export.hub_card import CARD, SUMS, file_problem, read_sums
from tmxdb.export.lake.card import count_rows
from tmxdb.export.lake.records import LakeFile, load_files, load_state
from tmxdb.paths import extended
from tmxdb.storage import PARTIAL, disk_errors, walk

_AGAIN = "Run the same export again with --since-last."


def check_lake(out: Path, on_file: Callable[[], object] = lambda: None) -> tuple[int, list[str]]:
    """Return the number of files and the problems, one sentence each. Raise InvalidInput if `out` is no lake."""
    out = extended(out)
    state, files = load_state(out), load_files(out)
    problems = [
        f"{name}: the export is not finished. Run the same command again to continue."
        for name, table in state.tables.items()
        if table.finished_at is None
    ]
    for file in files.values():
        if problem := file_problem(out, file.file, file.sha256):
            problems.append(f"{file.file}: {problem} Delete it if it exists. {_AGAIN}")
        on_file()
    problems += _unknown_files(out, set(state.tables), files)
    if not any(table.finished_at is None for table in state.tables.values()):
        problems += _card_problems(out, count_rows(state, files.values()), files)
    return len(files), problems


def _unknown_files(out: Path, tables: set[str], files: dict[str, LakeFile]) -> list[str]:
    found = []
    for table in sorted(tables):
        if not (out / table).is_dir():
            continue
        with disk_errors(str(out / table), instead="name another folder", reading=True):
            entries = list(walk(str(out / table), skip=PARTIAL))
        for entry in entries:
            name = Path(entry.path).relative_to(out).as_posix()
            if entry.facts is None:
                found.append(f"{name}: cannot be read. Check the permissions.")
            elif name not in files:
                found.append(f"{name}: not part of the export, but programs will read it. Move it elsewhere.")
    return found


def _card_problems(out: Path, rows: list[str], files: dict[str, LakeFile]) -> list[str]:
    problems = []
    card, sums = (out / CARD), (out / SUMS)
    if not card.is_file():
        problems.append(f"{CARD}: missing. {_AGAIN}")
    elif not _counts(rows) <= _counts(card.read_text("utf-8", errors="replace").splitlines()):
        problems.append(f"{CARD}: its counts differ from those of the files. Delete it. {_AGAIN}")
    if not sums.is_file():
        problems.append(f"{SUMS}: missing. {_AGAIN}")
    elif read_sums(sums.read_bytes()) != {file.file: file.sha256 for file in files.values()}:
        problems.append(f"{SUMS}: it differs from what was written. {_AGAIN}")
    return problems


def _counts(rows: list[str]) -> set[str]:
    """Return rows of the card without time and version: a card that a user has changed keeps those of its export."""
    return {row.rsplit(" | ", 2)[0] for row in rows}

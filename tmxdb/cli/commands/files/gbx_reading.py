"""Reading the files that `tmxdb gbx` names: one, stdin, or whole folders in several processes."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tmxdb.cli.shared.output import safe
from tmxdb.errors import GbxError, InvalidInput
from tmxdb.storage import walk

STDIN = "-"
UNREADABLE = "input.unreadable"
_FILES_FOR_PROCESSES = 200
"""Starting a process costs as much as reading 100 files."""


def gbx_files(files: Sequence[str]) -> Iterator[str]:
    """Yield the files, and every .gbx file below the folders in the order of their names.

    A folder that cannot be listed is yielded too: reading it says why.
    """
    for file in files:
        if file != STDIN and os.path.isdir(file):
            yield from _gbx_below(file)
        else:
            yield file


def _gbx_below(folder: str) -> list[str]:
    try:
        found = [(Path(entry.path), entry.is_folder) for entry in walk(folder)]
    except OSError:
        return [folder]
    return sorted(str(path) for path, is_folder in found if is_folder or path.suffix.lower() == ".gbx")


Item = TypeVar("Item")
Result = TypeVar("Result")
FileFacts = tuple[str, dict[str, Any] | None, list[str]]
"""Path, facts and problems."""


def read_all(paths: list[str], reader: str, processes: int | None) -> Iterator[FileFacts]:
    """Yield the facts of all files in their order; many files in processes, with a bar on a terminal."""
    yield from map_files(partial(_read_facts, reader=reader), paths, processes)


def map_files(read: Callable[[Item], Result], items: Sequence[Item], processes: int | None) -> Iterator[Result]:
    """Yield the result for each item in their order; of many items from processes, with a bar on a terminal."""
    if len(items) < _FILES_FOR_PROCESSES and processes is None:
        yield from map(read, items)
        return
    from tqdm import tqdm

    from tmxdb.process_pool import process_pool

    with process_pool(processes or os.cpu_count() or 1) as pool:
        found = pool.map(read, items, chunksize=max(1, min(50, len(items) // 20)))
        yield from tqdm(found, total=len(items), unit="file", file=sys.stderr, disable=None, leave=False)


def _read_facts(path: str, reader: str) -> FileFacts:
    """Read one file; runs in any process."""
    from tmxdb.gbx.facts import file_facts

    try:
        facts = file_facts(read_file(path), *readers(reader))
    except (GbxError, InvalidInput) as error:
        return path, None, [str(error)]
    return path, facts, facts["problems"]


def readers(name: str) -> tuple[Any, Any]:
    """Return `read_replay` and `read_challenge` of a reader."""
    if name == "pygbx":
        from tmxdb.gbx import with_pygbx

        return with_pygbx.read_replay, with_pygbx.read_challenge
    from tmxdb.gbx import read_challenge, read_replay

    return read_replay, read_challenge


def read_file(path: str) -> bytes:
    """Return the content of a file or of stdin. Raise InvalidInput if it cannot be read."""
    from tmxdb.gbx.format.limits import MAX_FILE_BYTES

    try:
        if path == STDIN:
            return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        if _is_named_pipe(path):
            raise InvalidInput("this is a pipe. Name a file, or - for stdin.", code=UNREADABLE)
        with open(path, "rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InvalidInput(error.strerror or str(error), code=UNREADABLE) from error


def _is_named_pipe(path: str) -> bool:
    """Return whether opening `path` could wait for ever. A pipe of the shell, as /dev/fd/63 of `<(…)`, has a writer."""
    return stat.S_ISFIFO(os.stat(path).st_mode) and not _OPEN_PIPE.fullmatch(path)


_OPEN_PIPE = re.compile(r"/dev/stdin|(/dev|/proc/(self|\d+))/fd/\d+", re.ASCII)
"""Names of pipes that this process has open. Any other name below /dev may be a file: /dev/shm is a disk in memory."""


def problem_line(path: str, problem: str) -> str:
    """Return the line about a problem of a file."""
    return f"Error: {shown_name(path)}: {safe(problem, keep='')}"


def shown_name(path: str) -> str:
    """Return the name of a file as it is printed."""
    return "stdin" if path == STDIN else safe(path, keep="")

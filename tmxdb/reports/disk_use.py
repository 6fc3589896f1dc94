"""How much disk space captures take. Their size is not in the database, so the folder is read."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

MAX_FILES = 100_000
"""Files to look at: reading more would make `tmxdb status` slow (100,000 take about 0.5 s)."""


def folder_bytes(folder: Path, *, max_files: int = MAX_FILES) -> tuple[int, bool]:
    """Return the size of the files in `folder`, and whether these are all files: False after `max_files`."""
    total = files = 0
    waiting = [str(folder)]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                    continue
                files += 1
                if files > max_files:
                    return total, False
                with suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_size
    return total, True

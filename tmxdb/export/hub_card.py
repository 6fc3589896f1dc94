"""The front matter of a data card, as the Hugging Face Hub reads it, and the sums of the files beside it.

docs/facts/training.md#hugging-face-datasets
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from tmxdb.storage.hashing_file import file_sha256

CARD, SUMS = "README.md", "SHA256SUMS"
LICENCE = (
    "## Licence",
    "",
    "Replays and maps belong to the people who made them. This card states no licence for them.",
    "",
)
_MARK = re.compile(r"\n<!-- tmxdb ([0-9a-f]{64}) -->\n\Z")
_PLAIN = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}
_ESCAPE = re.compile(r"\\[\\nr]")
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
          (10**8, "10M<n<100M"), (10**9, "100M<n<1B"))  # fmt: skip


def front_matter(
    name: str,
    tags: Iterable[str],
    tasks: Iterable[str],
    size: int,
    configs: Mapping[str, Sequence[tuple[str, str]]],
    counts: Mapping[str, int] | None = None,
) -> list[str]:
    """Return the lines of the front matter.

    `configs`: for each configuration its splits, with their file patterns. `counts`: more keys, which the Hub ignores.
    """
    lines = [
        "---",
        f"pretty_name: {name}",
        "license: other",
        "license_name: not-stated",
        "tags:",
        *(f"- {tag}" for tag in tags),
        "task_categories:",
        *(f"- {task}" for task in tasks),
        "size_categories:",
        f"- {_size_category(size)}",
    ]
    if configs:
        lines.append("configs:")
    for config, splits in configs.items():
        lines += [f"- config_name: {config}", "  data_files:"]
        for split, pattern in splits:
            lines += [f"  - split: {split}", f"    path: {pattern}"]
    lines += [f"{key}: {count}" for key, count in (counts or {}).items()]
    return [*lines, "---", ""]


def signed(card: str) -> str:
    """Return a card with a last line, a comment, by which `is_unchanged` tells whether a user has changed it since."""
    return f"{card}\n<!-- tmxdb {_text_sha256(card)} -->\n"


def is_unchanged(card: str) -> bool:
    """Return whether `signed` returned this card as it is now."""
    mark = _MARK.search(card)
    return mark is not None and mark[1] == _text_sha256(card[: mark.start()])


def sums_text(sums: Mapping[str, str]) -> bytes:
    """Return the file that `sha256sum --check` reads: the SHA-256 of each path, with its name as the system has it."""
    return b"".join(map(_sum_line, sorted(sums.items())))


def read_sums(text: bytes) -> dict[str, str]:
    """Return the SHA-256 of each path in a file of `sha256sum`. Lines of another form are left out."""
    sums = {}
    for line in text.splitlines():
        sha256, separator, path = line.decode("utf-8", "surrogateescape").partition("  ")
        if sha256.startswith("\\"):
            sha256, path = sha256[1:], unescaped(path)
        if separator and len(sha256) == 64:
            sums[path] = sha256
    return sums


def _sum_line(entry: tuple[str, str]) -> bytes:
    """Return the line of a path, with a backslash in front if the name is escaped (info sha256sum)."""
    path, sha256 = entry
    mark = b"\\" if escaped(path) != path.encode("utf-8", sys.getfilesystemencodeerrors()) else b""
    return mark + sha256.encode() + b"  " + escaped(path) + b"\n"


def escaped(path: str) -> bytes:
    """Return a path for a line of text, as `sha256sum` escapes it."""
    text = path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return text.encode("utf-8", sys.getfilesystemencodeerrors())


def unescaped(path: str) -> str:
    """Return the path that `escaped` made a line of."""
    return _ESCAPE.sub(lambda found: _PLAIN[found[0]], path)


def _text_sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def file_problem(out: Path, path: str, sha256: str) -> str | None:
    """Return what is wrong with a file of an export, as the rest of a sentence; None if it is as it was written."""
    file = out.joinpath(*path.split("/"))
    if not file.is_file():
        return "missing."
    return None if file_sha256(file) == sha256 else "its content has changed."


def check_sums(out: Path, sums: Mapping[str, str], on_file: Callable[[], object] = lambda: None) -> list[str]:
    """Return what is wrong with the files of an export, one sentence each."""
    problems = []
    for path, sha256 in sums.items():
        if problem := file_problem(out, path, sha256):
            problems.append(f"{path}: {problem} Delete it if it exists, and run the same export again.")
        on_file()
    return problems


def _size_category(size: int) -> str:
    return next((name for limit, name in _SIZES if size < limit), "1B<n<10B")

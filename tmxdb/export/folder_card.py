"""The card and the sums of a folder that gets one file for each replay or track, in one call or in many.

The card ends with its own hash, so that one which a user has changed is known and kept. docs/how-to/export.md

An export names its files in comments of SHA256SUMS before it writes the first one, and replaces the comments by sums
after the last one. If it is killed in between, the comments tell `export --check` and the next export.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tmxdb import __version__
from tmxdb.clock import iso, wall_clock
from tmxdb.export.hub_card import (
    CARD,
    LICENCE,
    SUMS,
    escaped,
    front_matter,
    is_unchanged,
    read_sums,
    signed,
    sums_text,
    unescaped,
)
from tmxdb.paths import extended
from tmxdb.storage import disk_errors, write_atomic
from tmxdb.storage.durable import unlink
from tmxdb.storage.hashing_file import file_sha256
from tmxdb.storage.os_errors import CHOOSE_OUT

_COMMENT = b"# being written: "
"""`sha256sum --check` passes over comments."""


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """What a card says: a title, what one file is, how it was made, and what is missing."""

    title: str
    tags: Sequence[str]
    about: Sequence[str]
    """Lines of text, without an empty one at the end."""
    settings: Mapping[str, object]
    gaps: Sequence[str]


def begin_files(out: Path, names: Collection[str]) -> None:
    """Note that an export is about to write these files of the folder `out`, which is created. Remove their sums.

    A file with lines that tmxdb does not write is left as it is. Raise DiskError.
    """
    out = extended(out)
    with disk_errors(str(out), instead=CHOOSE_OUT):
        before = _read(out / SUMS)
        if not names or not _is_ours(before):
            return
        out.mkdir(parents=True, exist_ok=True)
        pending = sorted({*unfinished_files(before), *names})
        sums = {path: sha256 for path, sha256 in read_sums(before).items() if path not in names}
        comments = b"".join(_COMMENT + escaped(path) + b"\n" for path in pending)
        write_atomic(out / SUMS, sums_text(sums) + comments, instead=CHOOSE_OUT)


def unfinished_files(sums: bytes) -> list[str]:
    """Return the files in the text of SHA256SUMS that an export began to write, and has not added to the sums."""
    lines = [line[len(_COMMENT) :] for line in sums.splitlines() if line.startswith(_COMMENT)]
    return [unescaped(line.decode("utf-8", "surrogateescape")) for line in lines]


def left_unfinished(out: Path) -> list[str]:
    """Return the existing files of the folder `out` that an interrupted export was to write."""
    out = extended(out)
    with disk_errors(str(out), instead=CHOOSE_OUT):
        return [path for path in unfinished_files(_read(out / SUMS)) if _exists(out, path)]


def is_described(out: Path, known: Iterable[str]) -> bool:
    """Return whether each file of `known` that exists has a sum, no export was interrupted, and the card is right."""
    out = extended(out)
    card = out / CARD
    with disk_errors(str(out), instead=CHOOSE_OUT):
        before = _read(out / SUMS)
        if not card.exists() or not before:
            return False
        sums = read_sums(before)
        is_complete = all(path in sums or not _exists(out, path) for path in known) and not unfinished_files(before)
        is_right = card_problem(card.read_text("utf-8", errors="replace"), len(sums)) is None
        return not _is_ours(before) or (is_complete and is_right)


def describe_folder(
    out: Path, facts: FolderFacts, written: Mapping[str, str] | Mapping[str, None], known: Iterable[str] = ()
) -> str | None:
    """Add `written` to the sums of the folder `out`, and write its card. Return a sentence if a user's file was kept.

    `written`: new files with their SHA-256, or None to read them. `known`: names that the export gives to its files;
    those that exist and have no sum, because an earlier call was interrupted, are added too. Raise DiskError.
    """
    out = extended(out)
    card, listed = out / CARD, out / SUMS
    with disk_errors(str(out), instead=CHOOSE_OUT):
        before = _read(listed)
        if not _is_ours(before):
            return f"{listed} has other lines than tmxdb writes and was left as it is."
        sums = {path: sha256 for path, sha256 in read_sums(before).items() if _exists(out, path)}
        added: dict[str, str | None] = {**written} | {
            path: None for path in (*known, *unfinished_files(before)) if path not in sums and path not in written
        }
        for path, sha256 in added.items():
            if _exists(out, path):
                sums[path] = sha256 or file_sha256(out.joinpath(*path.split("/")))
        if not sums:
            unlink(listed, missing_ok=True)  # nothing was written
            return None
        write_atomic(listed, sums_text(sums), instead=CHOOSE_OUT)
        if card.exists() and not is_unchanged(card.read_text("utf-8", errors="replace")):
            return f"{card} was changed, or is not of tmxdb, and was left as it is."
    size = sum(out.joinpath(*path.split("/")).stat().st_size for path in sums)
    write_atomic(card, _card(facts, len(sums), size).encode(), instead=CHOOSE_OUT)
    return None


def card_problem(card: str, files: int) -> str | None:
    """Return what is wrong with the count in a card of this kind; None if it is right, or if a user has changed it."""
    return None if not is_unchanged(card) or _count_row(files) in card else "its count differs from that of the files."


def _card(facts: FolderFacts, files: int, size: int) -> str:
    lines = [
        *front_matter(facts.title, ("trackmania", *facts.tags), ("reinforcement-learning",), files, {}),
        f"# {facts.title}",
        "",
        *facts.about,
        "",
        f"Last written by tmxdb {__version__} on {iso(wall_clock())[:10]}: {size / 1e6:,.1f} MB.",
        _count_row(files),
        "",
        "## Settings of the last export",
        "",
        *(f"- {name}: {value}" for name, value in facts.settings.items()),
        "",
        "## Known gaps of the last export",
        "",
        *(f"- {gap}" for gap in facts.gaps or ("none",)),
        "",
        "## Files",
        "",
        f"`{SUMS}` has the SHA-256 of every file. `tmxdb export --check FOLDER` compares them.",
        "",
        *LICENCE,
    ]
    return signed("\n".join(lines))


def _count_row(files: int) -> str:
    return f"Files: {files:,}."


def _read(sums: Path) -> bytes:
    return sums.read_bytes() if sums.exists() else b""


def _is_ours(sums: bytes) -> bool:
    return len(read_sums(sums)) + len(unfinished_files(sums)) == len(sums.splitlines())


def _exists(out: Path, path: str) -> bool:
    return out.joinpath(*path.split("/")).is_file()

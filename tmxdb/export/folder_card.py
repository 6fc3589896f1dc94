"""The card and the sums of a folder that gets one file for each replay or track, in one call or in many.

The card ends with its own hash, so that one which a user has changed is known and kept. docs/how-to/export.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tmxdb import __version__
from tmxdb.clock import iso, wall_clock
from tmxdb.export.hub_card import (
    CARD,
    LICENCE,
    SUMS,
    front_matter,
    is_unchanged,
    read_sums,
    signed,
    sums_text,
)
from tmxdb.paths import extended
from tmxdb.storage import disk_errors, write_atomic
from tmxdb.storage.hashing_file import file_sha256
from tmxdb.storage.os_errors import CHOOSE_OUT


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """What a card says: a title, what one file is, how it was made, and what is missing."""

    title: str
    tags: Sequence[str]
    about: Sequence[str]
    """Lines of text, without an empty one at the end."""
    settings: Mapping[str, object]
    gaps: Sequence[str]


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
        before = listed.read_bytes() if listed.exists() else b""
        sums = read_sums(before)
        if len(sums) != len(before.splitlines()):
            return f"{listed} has other lines than tmxdb writes and was left as it is."
        sums = {path: sha256 for path, sha256 in sums.items() if _exists(out, path)}
        added: dict[str, str | None] = {**written} | {
            path: None for path in known if path not in sums and path not in written
        }
        for path, sha256 in added.items():
            if _exists(out, path):
                sums[path] = sha256 or file_sha256(out.joinpath(*path.split("/")))
        if not sums:
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


def _exists(out: Path, path: str) -> bool:
    return out.joinpath(*path.split("/")).is_file()

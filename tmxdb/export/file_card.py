"""The card of a table in one file: `replays.parquet.md`, written with `--card`, and what `export --check` compares.

It is not written unasked: the folder of the file belongs to the user, and others would be in the way of `*.csv`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tmxdb import __version__
from tmxdb.clock import iso, wall_clock
from tmxdb.errors import InvalidInput
from tmxdb.export.hub_card import LICENCE, front_matter
from tmxdb.export.lake.card import CONTENT, MirrorFacts, described
from tmxdb.formats import safe
from tmxdb.paths import extended
from tmxdb.storage import check_user_file, disk_errors, write_user_file
from tmxdb.storage.hashing_file import file_sha256
from tmxdb.storage.os_errors import CHOOSE_OUT

_SHA256 = re.compile(r"^- SHA-256: ([0-9a-f]{64})$", re.M)


@dataclass(frozen=True, slots=True)
class TableFile:
    """What was written: the table, its format, its rows, which tracks, and how many replays have no rows."""

    table: str
    form: str
    rows: int
    tracks: str
    left_out: int = 0


def card_path(out: Path) -> Path:
    """Return where the card of a file is."""
    return out.with_name(f"{out.name}.md")


def check_card(out: Path, *, force: bool) -> None:
    """Raise InvalidInput if the card cannot be written, before the table is."""
    check_user_file(card_path(out), force=force)


def write_card(out: Path, written: TableFile, facts: MirrorFacts, *, force: bool) -> Path:
    """Write the card of the file `out`. Return its path. Raise InvalidInput or DiskError."""
    with disk_errors(str(out), instead=CHOOSE_OUT):
        sha256, size = file_sha256(extended(out)), extended(out).stat().st_size
    title, name = f"TrackMania {written.table}", safe(out.name, keep="")
    left_out = [f"- replays without rows, because their files could not be read: {written.left_out:,}"]
    lines = [
        *front_matter(
            title,
            ("trackmania", "tabular", written.form),
            ("tabular-regression", "reinforcement-learning"),
            written.rows,
            {"default": [("train", name)]},
        ),
        f"# {title}",
        "",
        f"A table of a tmxdb mirror, written by tmxdb {__version__} on {iso(wall_clock())[:10]}. One row is"
        f" {CONTENT[written.table]}.",
        "",
        f"- file: {name}, {size:,} bytes, {written.rows:,} rows",
        f"- SHA-256: {sha256}",
        "",
        *described(
            [f"- format: {written.form}; tracks: {written.tracks}"], facts, left_out if written.left_out else []
        ),
        "## Files",
        "",
        f"`tmxdb export --check {name}` compares the file with this card. On the Hugging Face Hub, the card is"
        " called `README.md`.",
        "",
        *LICENCE,
    ]
    card = card_path(out)
    write_user_file(card, "\n".join(lines).encode(), force=force, instead=CHOOSE_OUT)
    return card


def file_problems(out: Path) -> list[str]:
    """Return what is wrong with a file that has a card. Raise InvalidInput if it has none."""
    card = extended(card_path(out))
    try:
        said = _SHA256.search(card.read_text("utf-8", errors="replace"))
    except OSError:
        said = None
    if said is None:
        raise InvalidInput(
            f"{out} has no card that says its SHA-256. Export it with --card to check it later.", code="input.no_export"
        )
    if file_sha256(extended(out)) != said[1]:
        return [
            f"{out}: its content has changed, or its card is of an earlier export. Run the same export again with"
            " --force and --card."
        ]
    return []


def described_tracks(track_ids: Sequence[int]) -> str:
    """Return which tracks a table has, for its card."""
    return f"{len(track_ids):,} chosen" if track_ids else "all"

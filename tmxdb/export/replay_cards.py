"""The cards of folders with the lines or the inputs of replay files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tmxdb.export.export_lock import ExportLock
from tmxdb.export.folder_card import FolderFacts, begin_files, describe_folder
from tmxdb.paths import extended

_WAIT_S = 60.0
"""How long to wait for another call that describes its files in the same folder. It takes milliseconds."""


def begin_replay_files(out: Path, names: Collection[str]) -> None:
    """Note that these files of a folder with lines or inputs are about to be written; see `begin_files`."""
    with _locked(out):
        begin_files(out, names)


def describe_files(
    out: Path, what: str, form: str, step_ms: int | None, reader: str, written: Mapping[str, str], failed: int
) -> str | None:
    """Write the card and the sums of a folder with lines or inputs. Return a sentence if a user's file was kept.

    `written`: new files with their SHA-256.
    """
    title, about = _CARDS[what]
    settings: dict[str, object] = {"form": form, "reader": reader}
    if step_ms is not None:
        settings["step"] = f"{step_ms} ms"
    gaps = [f"replays that could not be read or have no content of this kind: {failed:,}"] if failed else []
    with _locked(out):
        return describe_folder(out, FolderFacts(title, (form,), about, settings, gaps), written)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    lock = ExportLock(extended(out))
    lock.acquire(wait_s=_WAIT_S)
    try:
        yield
    finally:
        lock.release()


_CARDS = {
    "line": (
        "Driven lines of TrackMania replays",
        (
            "One file for each replay: positions, velocities (m/s), speeds (km/h) and rotations (unit quaternions) of",
            "its ghost. Metres; y is up; times are race times in ms.",
        ),
    ),
    "inputs": (
        "Inputs of TrackMania replays",
        (
            "One file for each replay: what the driver pressed and when, in race time. Steering and gas are from",
            "-65536 to 65536: in CSV as the game stores them, above 0 is left; in the other forms left is below 0.",
        ),
    ),
}

"""`tmxdb verify` and files without a row, or with one that is easy to miss."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.processes import link_folder
from tests.queue.fakes import Bench
from tests.rows import FakeClock, Rows
from tests.upkeep.conftest import CONTROL, Shelf
from tmxdb.storage import durable
from tmxdb.storage.durable import move_without_replacing
from tmxdb.storage.os_errors import in_use
from tmxdb.upkeep.safe_move import move_to_free_name

Run = Callable[..., Any]
ORPHANS = [
    "replays/1/9_x_9ms.Replay.Gbx",  # no such replay
    "replays/1/1_x_1ms.Replay.Gbx.bak",
    "replays/77/1_x_1ms.Replay.Gbx",  # the folder of another track
    "replays/notes.txt",
    "replays/1/deep/er/still.txt",
    f"replays/not a track/ü {CONTROL}$name.gbx",
    "tracks/2.Challenge.Gbx",  # no such map
    "tracks/1.Challenge.Gbx.partial",
    "tracks/sub/1.Challenge.Gbx",
    "frames/loose.jpeg",
]


def test_files_without_a_row_are_reported_and_moved_on_request_whatever_their_name(tool: Run, shelf: Shelf) -> None:
    shelf.replay(1)
    shelf.map(1)
    shelf.capture(1)
    known = shelf.files()
    for path in ORPHANS:
        shelf.put(path, path.encode())
    shelf.put("frames/1/no_such_run/frame_0.jpeg", b"x")
    report = tool("verify", "--json", ends=3).json
    assert {finding["path"] for finding in report["findings"]} == {*ORPHANS, "frames/1/no_such_run"}
    assert {**known, **{path: path.encode() for path in ORPHANS}}.items() <= shelf.files().items()
    tool("verify", "--move-orphans")
    moved = {f"orphans/{path}": path.encode() for path in ORPHANS}
    assert shelf.files() == {**known, **moved, "orphans/frames/1/no_such_run/frame_0.jpeg": b"x"}
    assert "All is well." in tool("verify").err


def test_repair_alone_never_moves_a_file_that_belongs_to_no_row(tool: Run, shelf: Shelf) -> None:
    """`--repair` once moved an older collection away."""
    shelf.replay(1)
    for path in ORPHANS:
        shelf.put(path, path.encode())
    before = shelf.files()
    ran = tool("verify", "--repair", ends=3)
    assert shelf.files() == before
    assert ran.out.count("orphan: ") == len(ORPHANS)
    assert "`tmxdb verify --move-orphans` moves files that belong to no row to " in ran.err


def test_moving_orphans_of_the_same_name_again_overwrites_nothing(tool: Run, shelf: Shelf) -> None:
    for content in (b"first", b"second", b"third"):
        shelf.put("tracks/x.gbx", content)
        shelf.put("frames/1/run/f.jpeg", content)
        tool("verify", "--move-orphans")
    assert shelf.files() == {
        f"orphans/{name}": content
        for n, content in enumerate((b"first", b"second", b"third"), start=1)
        for name in (f"tracks/x.gbx{'' if n == 1 else f'~{n}'}", f"frames/1/run{'' if n == 1 else f'~{n}'}/f.jpeg")
    }


@pytest.mark.parametrize("status", ["pending", "running", "retry", "failed"])
def test_a_file_that_waits_for_its_row_stays_to_be_adopted(tool: Run, shelf: Shelf, rows: Rows, status: str) -> None:
    rows.replay(41, status, track_id=7)
    rows.map(7, status)
    rows.capture(3, 41, status)
    for path in ("replays/7/41_Anna_5ms.Replay.Gbx", "tracks/7.Challenge.Gbx", "frames/1/41_Anna_5ms/frame_0.jpeg"):
        shelf.put(path, b"x")
    before = shelf.files()
    tool("verify", "--move-orphans")
    assert shelf.files() == before


def test_a_row_may_name_a_file_that_lies_where_it_would_not_be_put(tool: Run, shelf: Shelf, rows: Rows) -> None:
    """Adopted from older scripts, or moved by hand."""
    shelf.replay(1)
    rows.replay(2, "done", file_path="replays/old/Anna_Bergwerk.Replay.gbx", file_bytes=1)
    rows.map(1, "done", file_path="tracks/old/Bergwerk.Challenge.Gbx", file_bytes=1)
    rows.capture(1, 1, "done", folder_path="frames/1/run/60fps")
    shelf.put("replays/old/Anna_Bergwerk.Replay.gbx", b"x")
    shelf.put("tracks/old/Bergwerk.Challenge.Gbx", b"x")
    shelf.put("frames/1/run/60fps/manifest.json", b"[]")
    shelf.put("frames/1/run/60fps/metadata.json", b"{}")
    shelf.put("frames/1/run/30fps/manifest.json", b"[]")
    report = tool("verify", "--json", "--move-orphans").json
    assert [finding["path"] for finding in report["findings"]] == ["frames/1/run/30fps"]
    assert "All is well." in tool("verify").err


def test_a_row_whose_file_is_written_in_other_letters_keeps_it(tool: Run, shelf: Shelf, rows: Rows) -> None:
    """File systems of Windows and macOS do not tell a from A; moving it there would lose it."""
    file = shelf.replay(1)
    os.rename(file, file.with_name(file.name.upper()))
    report = tool("verify", "--json", ends=None).json
    assert [finding for finding in report["findings"] if finding["what"] == "orphan"] == []


@pytest.mark.parametrize(
    ("named", "on_disk"),
    [
        ("replays/old/Ärger.Replay.Gbx", "replays/old/Ärger.Replay.Gbx"),
        ("replays/old/Größe.Replay.Gbx", "replays/old/Größe.Replay.Gbx"),
        ("tracks/old/Größe.Challenge.Gbx", "tracks/old/Größe.Challenge.Gbx"),
        ("replays/old/Ärger.Replay.Gbx", "replays/OLD/äRGER.replay.gbx"),
        ("replays/old/İstanbul_ΣΑΣ.Replay.Gbx", "replays/old/İstanbul_σας.Replay.Gbx"),
        ("replays/old/Anna_I.Replay.Gbx", "replays/old/anna_i.replay.gbx"),
    ],
)
def test_a_file_with_a_name_outside_ascii_belongs_to_the_row_that_names_it(
    tool: Run, shelf: Shelf, rows: Rows, named: str, on_disk: str
) -> None:
    """SQLite's `lower` leaves Ä as it is, and Python's `casefold` makes ss of ß: such a file was moved away."""
    shelf.replay(1)
    if named.startswith("replays"):
        rows.replay(2, "done", track_id=5, file_path=named, file_bytes=1)
    else:
        rows.map(1, "done", file_path=named, file_bytes=1)
    shelf.put(on_disk, b"x")
    other = shelf.put("replays/old/Öde.Replay.Gbx", b"x")
    report = tool("verify", "--json", "--move-orphans", ends=None).json
    orphans = [finding["path"] for finding in report["findings"] if finding["what"] == "orphan"]
    assert orphans == ["replays/old/Öde.Replay.Gbx"]
    assert (shelf.data / on_disk).exists()
    assert not other.exists()


def test_temporary_files_of_live_workers_stay_and_those_of_dead_ones_are_swept(
    tool: Run, shelf: Shelf, rows: Rows, clock: FakeClock
) -> None:
    shelf.replay(1)
    Bench(rows.database, clock).register("lives")
    mine = shelf.put("replays/.partial/lives~5.Replay.Gbx", b"half")
    dead = shelf.put("tracks/.partial/dead~5.Challenge.Gbx", b"half")
    assert "1 temporary file of workers that are gone" in tool("verify").err
    assert dead.exists()
    tool("verify", "--repair")
    assert mine.exists()
    assert not dead.exists()


def test_a_folder_that_cannot_be_listed_is_not_said_to_be_unwritable(
    tool: Run, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.replay(1)
    real = os.scandir

    def refuse(folder: Any) -> Any:
        if Path(folder).name == "replays":
            raise PermissionError(13, "Permission denied", str(folder))
        return real(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    assert "replays: cannot be read (Permission denied). Check the permissions." in tool("verify", ends=1).error


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows symbolic links to administrators only")
def test_links_are_followed_to_known_files_and_round_in_no_circle(tool: Run, shelf: Shelf, tmp_path: Path) -> None:
    """Somebody may keep the folder of a track on another disk."""
    shelf.replay(1)
    other = tmp_path / "other disk"
    (shelf.data / "replays/1").rename(other)
    (shelf.data / "replays/1").symlink_to(other)
    (other / "round").symlink_to(other)
    report = tool("verify", "--json", ends=3).json
    assert [finding["path"] for finding in report["findings"]] == ["replays/1/round"]


def test_files_in_a_linked_folder_that_is_no_tracks_stay_there(tool: Run, shelf: Shelf, tmp_path: Path) -> None:
    shelf.replay(1)
    letters = tmp_path / "letters"
    (letters / "2").mkdir(parents=True)
    (letters / "2" / "letter.txt").write_text("Dear")
    link_folder(shelf.data / "replays/mine", letters)
    link_folder(shelf.data / "replays/1/more", letters)
    report = tool("verify", "--move-orphans", "--json").json
    assert [finding["path"] for finding in report["findings"]] == ["replays/1/more"]
    assert (letters / "2" / "letter.txt").read_text() == "Dear"
    assert (shelf.data / "replays/mine/2/letter.txt").exists()


def test_an_orphan_that_another_program_holds_open_is_reported_and_the_others_are_moved(
    tool: Run, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.replay(1)
    for name in ("a", "held", "z"):
        shelf.put(f"replays/1/{name}", b"x")
    move = durable.move_without_replacing

    def hold(source: Path, target: Path) -> None:
        if source.name == "held":
            raise in_use(str(source))
        move(source, target)

    monkeypatch.setattr(durable, "move_without_replacing", hold)
    ran = tool("verify", "--move-orphans", ends=3)
    assert "replays/1/held: no row names it; it cannot be moved:" in ran.out
    assert sorted(path.name for path in (shelf.data / "orphans/replays/1").iterdir()) == ["a", "z"]


def no_links(*_: object, **__: object) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")  # such as FAT


@pytest.mark.parametrize("links", [True, False])
def test_a_move_never_replaces_a_file_or_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder").mkdir()
    (tmp_path / "taken").mkdir()
    move_without_replacing(tmp_path / "a", tmp_path / "new")
    for source, target in (("b", "new"), ("folder", "new"), ("folder", "taken"), ("b", "taken")):
        with pytest.raises(FileExistsError):
            move_without_replacing(tmp_path / source, tmp_path / target)
    assert move_to_free_name(tmp_path / "b", tmp_path / "new") == tmp_path / "new~2"
    assert (tmp_path / "new").read_text() + (tmp_path / "new~2").read_text() == "ab"


@pytest.mark.skipif(os.name == "nt", reason="a rename never replaces a file on Windows")
def test_a_move_that_is_killed_leaves_no_empty_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty file is a valid database: it would be taken for a complete backup."""

    def killed(*_: object, **__: object) -> None:
        raise SystemExit

    (tmp_path / "a").write_bytes(b"whole")
    for name in ("replace", "_replace", "unlink"):
        monkeypatch.setattr(durable, name, killed)
    with pytest.raises(SystemExit):
        move_without_replacing(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"whole"


def test_a_failed_move_leaves_no_empty_file_behind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        move_to_free_name(tmp_path / "not there", tmp_path / "orphans" / "x")
    assert list((tmp_path / "orphans").iterdir()) == []

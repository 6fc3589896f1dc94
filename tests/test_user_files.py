"""Output files that the user names: no database, device or existing file is ever overwritten by accident."""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tmxdb.errors import DiskError, InvalidInput
from tmxdb.storage import check_user_file, durable, new_user_file, write_user_file
from tmxdb.storage import user_files as user_files_module


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(path: object, *, force: bool = False) -> InvalidInput:
    """The error of writing to `path`, which changes nothing in its folder."""
    with pytest.raises(InvalidInput) as checked:
        check_user_file(str(path), force=force)
    with pytest.raises(InvalidInput) as caught:
        write_user_file(str(path), b"data", force=force)
    assert str(checked.value) == str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("force", [False, True])
def test_a_new_file_is_written_and_no_temporary_file_is_left(folder: Path, force: bool) -> None:
    write_user_file("out.csv", b"data", force=force)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"out.csv": b"data"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_a_new_file_has_the_usual_mode_and_a_replaced_one_keeps_its_own(folder: Path) -> None:
    umask = os.umask(0o022)
    try:
        write_user_file("out.csv", b"data")
        assert stat.S_IMODE(os.stat("out.csv").st_mode) == 0o644
        os.chmod("out.csv", 0o600)
        write_user_file("out.csv", b"other", force=True)
        assert stat.S_IMODE(os.stat("out.csv").st_mode) == 0o600
    finally:
        os.umask(umask)


def test_an_existing_file_is_only_replaced_with_force(folder: Path) -> None:
    Path("out.csv").write_bytes(b"older")
    error = refusal("out.csv")
    assert error.code == "input.exists"
    assert "out.csv exists already" in str(error)
    assert "--force" in str(error)
    assert Path("out.csv").read_bytes() == b"older"
    write_user_file("out.csv", b"new", force=True)
    assert Path("out.csv").read_bytes() == b"new"


@pytest.mark.parametrize("force", [False, True])
def test_a_database_is_never_overwritten(folder: Path, force: bool) -> None:
    with sqlite3.connect("tmx.db") as connection:
        connection.execute("create table t (x)")
    connection.close()
    before = Path("tmx.db").read_bytes()
    error = refusal("tmx.db", force=force)
    assert error.code == "input.database"
    for companion in ("-wal", "-shm", "-journal"):
        assert refusal(f"tmx.db{companion}", force=force).code == "input.database"
    assert Path("tmx.db").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["tmx.db"]


def test_a_database_whose_first_page_is_still_in_its_journal_is_recognised(folder: Path) -> None:
    Path("tmx.db").write_bytes(b"")
    Path("tmx.db-wal").write_bytes(b"")
    assert refusal("tmx.db", force=True).code == "input.database"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no FIFOs, sockets or device files among its files")
@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "device", "link to a device"])
def test_only_regular_files_are_written(folder: Path, kind: str, force: bool) -> None:
    path: Path = folder / "out"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind("out")
        case "device":
            path = Path("/dev/full")
        case "link to a device":
            path.symlink_to("/dev/full")
    error = refusal(path, force=force)
    assert error.code == "input.not_a_file"
    assert kind.split()[-1] in str(error)
    assert not stat.S_ISREG(os.stat(path).st_mode)


@pytest.mark.skipif(os.name == "nt", reason="Windows allows symbolic links to administrators only")
def test_a_link_to_a_database_is_recognised(folder: Path) -> None:
    Path("tmx.db").write_bytes(b"SQLite format 3\0" + bytes(84))
    Path("out.csv").symlink_to("tmx.db")
    for force in (False, True):
        assert refusal("out.csv", force=force).code == "input.database"


@pytest.mark.skipif(os.name == "nt", reason="Windows allows symbolic links to administrators only")
def test_with_force_a_link_stays_and_its_file_is_replaced(folder: Path) -> None:
    Path("real.csv").write_bytes(b"older")
    Path("out.csv").symlink_to("real.csv")
    assert refusal("out.csv").code == "input.exists"
    write_user_file("out.csv", b"new", force=True)
    assert Path("out.csv").is_symlink()
    assert Path("real.csv").read_bytes() == b"new"


@pytest.mark.skipif(os.name == "nt", reason="Windows allows symbolic links to administrators only")
def test_a_temporary_name_that_exists_already_is_never_written_through(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = folder / "victim"
    victim.write_bytes(b"precious")
    monkeypatch.setattr(user_files_module.os, "urandom", lambda n: b"\xab")
    (folder / ".ab.partial").symlink_to(victim)
    with pytest.raises(DiskError):
        write_user_file("out.csv", b"data")
    assert victim.read_bytes() == b"precious"


def test_temporary_names_differ_each_time(folder: Path) -> None:
    names = set()
    for n in range(3):
        with new_user_file(f"out{n}.csv") as file:
            names.add(file.name)
    assert len(names) == 3


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_what_cannot_be_a_file_name_is_refused(folder: Path, path: str) -> None:
    assert refusal(path).code == "input.file"


def test_a_name_of_300_letters_is_refused(folder: Path) -> None:
    assert refusal("x" * 300).code == "input.file"


def test_a_missing_folder_is_named_and_not_created(folder: Path) -> None:
    error = refusal("nowhere/out.csv")
    assert error.code == "input.no_folder"
    assert "its folder does not exist" in str(error)
    assert list(folder.iterdir()) == []


def test_a_block_that_fails_leaves_the_older_file_and_nothing_else(folder: Path) -> None:
    Path("out.csv").write_bytes(b"older")
    with pytest.raises(KeyError), new_user_file("out.csv", force=True) as file:  # noqa: PT012
        file.write(b"half")
        raise KeyError
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"out.csv": b"older"}


def test_a_library_may_write_the_temporary_file_by_its_name(folder: Path) -> None:
    with new_user_file("copy.db") as file, closing(sqlite3.connect(file.name)) as connection:
        connection.execute("create table t (x)")
    with closing(sqlite3.connect("copy.db")) as connection:
        assert connection.execute("select name from sqlite_master").fetchall() == [("t",)]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_created_meanwhile_is_not_replaced(folder: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if not links:  # such as FAT
        monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(InvalidInput, match="created meanwhile"), new_user_file("out.csv") as file:  # noqa: PT012
        file.write(b"ours")
        Path("out.csv").write_bytes(b"theirs")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"out.csv": b"theirs"}
    Path("out.csv").unlink()
    write_user_file("out.csv", b"ours")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"out.csv": b"ours"}


def test_a_full_disk_leaves_no_file_and_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError, match="the disk is full") as caught:
        write_user_file("out.csv", b"data")
    assert caught.value.code == "disk.full"
    assert list(folder.iterdir()) == []


def test_the_file_is_durable_before_the_call_returns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(durable, "sync_folder", synced.append)
    write_user_file("out.csv", b"data")
    assert synced == [str(folder)]

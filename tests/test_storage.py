"""Files are whole under their final name or not there, whatever the disk does."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmxdb import storage as storage_module
from tmxdb.errors import DiskTrouble, TryLater
from tmxdb.storage import Storage, safe_name

from .crash.power import Recorder, left_by, lucks

STEPS = ["write", "fsync", "replace", "mkdir", "open"]
if os.name != "nt":  # which can not open folders
    STEPS.append("fsync folder")

PATH = "replays/7/1_ann.Replay.Gbx"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "data")


def publish(storage: Storage, path: str = PATH, data: bytes = b"whole", owner: str = "me") -> None:
    with storage.new_file(path, owner=owner) as file:
        file.write(data)
        file.publish()


def files(storage: Storage) -> list[str]:
    """Everything in the data folder but folders."""
    return sorted(path.relative_to(storage.root).as_posix() for path in storage.root.rglob("*") if path.is_file())


def test_a_published_file_is_there_whole_and_nothing_else(storage: Storage) -> None:
    publish(storage)
    assert storage.read(PATH) == b"whole"
    assert files(storage) == [PATH]


def test_a_file_that_is_not_published_leaves_nothing(storage: Storage) -> None:
    with pytest.raises(KeyError), storage.new_file(PATH, owner="me") as file:  # noqa: PT012
        file.write(b"half")
        raise KeyError
    assert files(storage) == []


def test_a_published_file_takes_the_place_of_an_older_one(storage: Storage) -> None:
    publish(storage, data=b"older")
    with storage.new_file(PATH, owner="me") as file:
        file.write(b"new")
        assert storage.read(PATH) == b"older"
        file.publish()
    assert storage.read(PATH) == b"new"


def test_what_was_written_can_be_read_back_before_it_is_published(storage: Storage) -> None:
    with storage.new_file(PATH, owner="me") as file:
        file.write(b"one")
        file.write(b" two")
        assert (file.read_back(), file.size) == (b"one two", 7)
        assert files(storage) == []  # small ones cost no file before they are known to be right
        file.write(b"x" * storage_module.IN_MEMORY)
        assert file.read_back() == b"one two" + b"x" * storage_module.IN_MEMORY
        assert files(storage) == ["replays/.partial/me~1_ann.Replay.Gbx"]


def test_a_file_that_is_not_there_is_none(storage: Storage) -> None:
    publish(storage)
    assert [storage.read(path) for path in ("replays/8/x", "replays/7", f"{PATH}/x")] == [None] * 3


def test_a_file_is_synced_before_its_name_and_the_name_before_it_counts(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(storage, "replays/7/other")  # the folders are there
    steps: list[str] = []
    fsync, replace, write = os.fsync, os.replace, storage_module.NewFile.write

    def note_fsync(handle: int) -> None:
        steps.append(
            f"fsync {Path(os.readlink(f'/proc/self/fd/{handle}')).name}" if os.path.exists("/proc/self/fd") else "fsync"
        )
        fsync(handle)

    def note_replace(source: str, target: str) -> None:
        steps.append(f"rename to {Path(target).name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    monkeypatch.setattr(storage_module.NewFile, "write", lambda file, data: steps.append("write") or write(file, data))
    publish(storage)
    if os.path.exists("/proc/self/fd"):
        assert steps == ["write", "fsync me~1_ann.Replay.Gbx", "rename to 1_ann.Replay.Gbx", "fsync 7"]
    else:
        assert [step.split()[0] for step in steps][:3] == ["write", "fsync", "rename"]


@pytest.mark.skipif(os.name == "nt", reason="Windows can not open folders")
def test_a_new_folder_is_made_durable_in_the_one_above(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(storage_module, "sync_folder", lambda folder: synced.append(Path(folder).name))
    publish(storage)
    assert {storage.root.parent.name, "data", "replays", "7"} <= set(synced)


@pytest.mark.skipif(os.name == "nt", reason="Windows can not open folders")
def test_a_folder_that_somebody_else_has_just_made_is_safe_before_a_file_in_it_counts(
    storage: Storage, tmp_path: Path
) -> None:
    """Who made it may not have come to sync it, or was killed before."""
    recorder = Recorder(tmp_path, tmp_path / "none")
    with recorder.recording():
        for folder in ("data", "data/replays", "data/replays/.partial", "data/replays/7"):
            os.mkdir(tmp_path / folder)
        publish(storage)
    for luck in lucks(0):
        assert left_by(recorder.events, luck).get(f"data/{PATH}") == b"whole"


TROUBLES = [
    (errno.ENOSPC, "disk.full"),
    (errno.EIO, "disk.failed"),
    (errno.EROFS, "disk.read_only"),
    (errno.EACCES, "disk.read_only"),
]


class Full:
    """Stands in for a file whose disk takes some bytes and then no more."""

    def __init__(self, file: Any, number: int) -> None:
        self._file, self._number = file, number

    def write(self, data: memoryview) -> int:
        if len(data) > 1:
            written: int = self._file.write(data[: len(data) // 2])
            return written
        raise OSError(self._number, os.strerror(self._number))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.mark.parametrize(("number", "code"), TROUBLES)
@pytest.mark.parametrize("step", STEPS)
def test_trouble_at_any_step_leaves_nothing_half_under_the_final_name(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, number: int, code: str, step: str
) -> None:
    storage.root.mkdir()
    fsync, original, calls = os.fsync, open, [0]

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    def fail_later(handle: int) -> None:
        calls[0] += 1
        if calls[0] > 1:
            fail()
        fsync(handle)

    if step not in ("mkdir", "open"):
        publish(storage, "replays/7/other")  # the folders are there
    match step:
        case "write":
            monkeypatch.setattr("builtins.open", lambda *a, **k: Full(original(*a, **k), number))
        case "fsync":
            monkeypatch.setattr(os, "fsync", fail)
        case "replace":
            monkeypatch.setattr(os, "replace", fail)
        case "fsync folder":
            monkeypatch.setattr(os, "fsync", fail_later)
        case "mkdir":
            monkeypatch.setattr(os, "mkdir", fail)
        case "open":
            monkeypatch.setattr("builtins.open", fail)
    with pytest.raises(DiskTrouble) as caught:
        publish(storage)
    monkeypatch.undo()
    assert caught.value.code == code
    assert "\n" not in str(caught.value)
    assert storage.read(PATH) in ([b"whole"] if step == "fsync folder" else [None])
    assert [name for name in files(storage) if ".partial" in name] == []
    publish(storage, data=b"again")
    assert storage.read(PATH) == b"again"


def test_a_write_that_takes_only_a_part_is_gone_on_with(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    class Sluggish(Full):
        def write(self, data: memoryview) -> int:
            written: int = self._file.write(data[:1])
            return written

    original = open
    monkeypatch.setattr("builtins.open", lambda *a, **k: Sluggish(original(*a, **k), 0))
    publish(storage, data=b"byte by byte")
    monkeypatch.undo()
    assert storage.read(PATH) == b"byte by byte"


def test_a_disk_that_takes_nothing_is_no_reason_to_try_for_ever(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deaf(Full):
        def write(self, data: memoryview) -> int:
            return 0

    original = open
    monkeypatch.setattr("builtins.open", lambda *a, **k: Deaf(original(*a, **k), 0))
    with pytest.raises(DiskTrouble, match="takes nothing"):
        publish(storage)


def test_leftovers_are_swept_but_not_those_of_live_workers(storage: Storage) -> None:
    publish(storage)
    large = b"x" * (storage_module.IN_MEMORY + 1)
    with storage.new_file("replays/7/a", owner="live") as one, storage.new_file("tracks/b", owner="live") as two:
        one.write(large)
        two.write(large)
        for top in ("replays", "tracks"):
            (storage.root / top / ".partial" / "dead~x.Gbx").write_bytes(b"half")
        assert storage.sweep(storage.half_written(), {"live"}) == 2
        assert files(storage) == ["replays/.partial/live~a", PATH, "tracks/.partial/live~b"]
    assert storage.sweep(storage.half_written(), set()) == 0


def test_a_sweep_of_a_folder_that_is_not_there_finds_nothing(storage: Storage) -> None:
    assert storage.sweep(storage.half_written(), set()) == 0


def test_a_file_that_another_worker_swept_is_written_again_later(storage: Storage) -> None:
    """Swept by one that started while we were taken for dead: no reason to stop the run."""
    with pytest.raises(TryLater) as caught, storage.new_file(PATH, owner="me") as file:  # noqa: PT012
        file.write(b"x" * (storage_module.IN_MEMORY + 1))
        Storage(storage.root).sweep(Storage(storage.root).half_written(), set())
        file.publish()
    assert caught.value.code == "disk.swept"
    assert files(storage) == []


def delete(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


@pytest.mark.parametrize("folder", ["replays/7", "replays", "replays/.partial", "."])
def test_a_folder_that_was_deleted_meanwhile_is_made_again(storage: Storage, folder: str) -> None:
    publish(storage)
    delete(storage.root / folder)
    publish(storage)
    assert storage.read(PATH) == b"whole"


def test_a_folder_that_is_deleted_while_a_file_is_written_is_made_again(storage: Storage) -> None:
    data = b"x" * (storage_module.IN_MEMORY + 1)
    with storage.new_file(PATH, owner="me") as file:
        file.write(data)
        delete(storage.root / "replays/7")
        file.publish()
    assert storage.read(PATH) == data


def test_a_file_in_the_place_of_a_folder_is_named(storage: Storage) -> None:
    storage.root.mkdir()
    (storage.root / "replays").write_bytes(b"")
    with pytest.raises(DiskTrouble, match="replays"):
        publish(storage)


def test_a_folder_that_can_be_written_is_made_and_left_empty(storage: Storage) -> None:
    storage.check_writable()
    assert list(storage.root.iterdir()) == []


def test_a_folder_that_can_not_be_written_is_told_at_once(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(DiskTrouble) as caught:
        storage.check_writable()
    assert caught.value.code == "disk.read_only"
    assert "--data" in str(caught.value)


def test_free_room_is_told_before_the_folder_is_there(storage: Storage) -> None:
    assert (storage.free_bytes() or 0) > 0


def test_threads_that_publish_into_new_folders_at_once_all_succeed(storage: Storage) -> None:
    start, problems = threading.Barrier(8), list[Exception]()

    def work(i: int) -> None:
        start.wait()
        try:
            for n in range(10):
                publish(storage, f"replays/{n}/{i}", owner="me")
        except Exception as problem:  # noqa: BLE001  # whatever it is, the test has to hear of it
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(files(storage)) == 80


RESERVED = ["con", "prn", "aux", "nul", "com1", "com9", "lpt1", "lpt9", "CON.txt", "Nul.tar.gz", "COM1 .x", "aux."]
Made = Callable[[str], str]


def check(name: str, at_most: int) -> None:
    assert 0 < len(name) <= at_most
    assert name.isascii()
    assert all(character.isalnum() or character in "._-" for character in name)
    assert not name.startswith((".", "-"))
    assert not name.endswith((".", " "))
    assert name.split(".")[0].lower() not in {
        "con",
        "prn",
        "aux",
        "nul",
        *(f"{p}{n}" for p in ("com", "lpt") for n in range(10)),
    }


@given(st.text() | st.sampled_from(RESERVED) | st.text("./\\:con.-_ ", max_size=12), st.integers(3, 80))
def test_a_safe_name_is_a_name_everywhere(text: str, at_most: int) -> None:
    check(safe_name(text, at_most=at_most), at_most)


@given(st.text(max_size=50))
def test_a_safe_name_made_safe_again_stays_as_it_is(text: str) -> None:
    assert safe_name(safe_name(text)) == safe_name(text)


@pytest.mark.parametrize("text", RESERVED)
def test_names_that_windows_keeps_for_itself_are_changed(text: str) -> None:
    check(safe_name(text), 60)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ann-Marie.2", "Ann-Marie.2"),
        ("../../etc/passwd", "etc_passwd"),
        ("a\x00b\nc\x1b[31m", "a_b_c_31m"),
        ("日本", "x"),
        ("", "x"),
        ("...", "x"),
        ("CON", "CON_"),
        ("CON.txt", "CON_.txt"),
        ("x" * 10_000, "x" * 60),
    ],
)
def test_a_safe_name_keeps_what_can_be_kept(text: str, name: str) -> None:
    assert safe_name(text) == name

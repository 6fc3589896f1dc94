"""The data folder: files are complete under their final name or absent, whatever the disk does."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.crash.power import Recorder, left_by, lucks
from tmxdb.errors import DiskError, RetryLater
from tmxdb.storage import Storage, disk_errors, durable, new_file

STEPS = ["write", "fsync", "replace", "mkdir", "open"]
if os.name != "nt":  # Windows cannot open folders
    STEPS.append("fsync folder")

PATH = "replays/7/1_ann.Replay.Gbx"
HAS_DESCRIPTOR_LINKS = os.name == "posix" and os.path.exists("/proc/self/fd")  # Wine shows Linux' own


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


def test_a_published_file_is_complete_and_the_only_file(storage: Storage) -> None:
    publish(storage)
    assert storage.read(PATH) == b"whole"
    assert files(storage) == [PATH]


def test_a_file_that_is_not_published_leaves_nothing(storage: Storage) -> None:
    with pytest.raises(KeyError), storage.new_file(PATH, owner="me") as file:  # noqa: PT012
        file.write(b"half")
        raise KeyError
    assert files(storage) == []


def test_publishing_replaces_an_older_file(storage: Storage) -> None:
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
        file.write(b"x" * new_file.IN_MEMORY)
        assert file.read_back() == b"one two" + b"x" * new_file.IN_MEMORY
        assert files(storage) == ["replays/.partial/me~1_ann.Replay.Gbx"]


def test_reading_a_missing_file_returns_none(storage: Storage) -> None:
    publish(storage)
    assert [storage.read(path) for path in ("replays/8/x", "replays/7", f"{PATH}/x")] == [None] * 3


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither in a folder")
def test_a_pipe_or_a_device_in_the_place_of_a_file_is_not_read(storage: Storage) -> None:
    storage.root.mkdir()
    os.mkfifo(storage.root / "pipe")
    (storage.root / "device").symlink_to(os.devnull)
    found: list[bytes | None] = []
    reading = threading.Thread(target=lambda: found.extend(map(storage.read, ("device", "pipe"))), daemon=True)
    reading.start()
    reading.join(30)
    assert found == [None, None]


def test_the_file_is_synced_before_the_rename_and_the_folder_after_it(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(storage, "replays/7/other")  # the folders are there
    steps: list[str] = []
    fsync, replace, write = os.fsync, durable._replace, new_file.NewFile.write

    def note_fsync(handle: int) -> None:
        steps.append(f"fsync {Path(os.readlink(f'/proc/self/fd/{handle}')).name}" if HAS_DESCRIPTOR_LINKS else "fsync")
        fsync(handle)

    def note_replace(source: Any, target: Any) -> None:
        steps.append(f"rename to {Path(target).name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(durable, "_replace", note_replace)  # of this system
    monkeypatch.setattr(new_file.NewFile, "write", lambda file, data: steps.append("write") or write(file, data))
    publish(storage)
    if HAS_DESCRIPTOR_LINKS:
        assert steps == ["write", "fsync me~1_ann.Replay.Gbx", "rename to 1_ann.Replay.Gbx", "fsync 7"]
    else:
        assert [step.split()[0] for step in steps][:3] == ["write", "fsync", "rename"]


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot open folders")
def test_a_new_folder_is_made_durable_in_the_one_above(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(durable, "sync_folder", lambda folder: synced.append(Path(folder).name))
    publish(storage)
    assert {storage.root.parent.name, "data", "replays", "7"} <= set(synced)


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot open folders")
def test_a_folder_made_by_another_process_is_synced_before_a_file_in_it_counts(
    storage: Storage, tmp_path: Path
) -> None:
    """Its creator may not have synced it yet, or was killed before."""
    recorder = Recorder(tmp_path, tmp_path / "none")
    with recorder.recording():
        for folder in ("data", "data/replays", "data/replays/.partial", "data/replays/7"):
            os.mkdir(tmp_path / folder)
        publish(storage)
    for luck in lucks(0):
        assert left_by(recorder.events, luck).get(f"data/{PATH}") == b"whole"


FAILURES = [
    (errno.ENOSPC, "disk.full"),
    (errno.EIO, "disk.failed"),
    (errno.EROFS, "disk.read_only"),
    (errno.EACCES, "disk.read_only"),
]


class FullDisk:
    """A file on a disk that fills up: it takes some bytes and then fails."""

    def __init__(self, file: Any, number: int) -> None:
        self._file, self._number = file, number

    def write(self, data: memoryview) -> int:
        if len(data) > 1:
            written: int = self._file.write(data[: len(data) // 2])
            return written
        raise OSError(self._number, os.strerror(self._number))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.mark.parametrize(("number", "code"), FAILURES)
@pytest.mark.parametrize("step", STEPS)
def test_a_failure_at_any_step_leaves_no_incomplete_file_under_the_final_name(
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
            monkeypatch.setattr("builtins.open", lambda *a, **k: FullDisk(original(*a, **k), number))
        case "fsync":
            monkeypatch.setattr(os, "fsync", fail)
        case "replace":
            monkeypatch.setattr(durable, "_replace", fail)
        case "fsync folder":
            monkeypatch.setattr(os, "fsync", fail_later)
        case "mkdir":
            monkeypatch.setattr(os, "mkdir", fail)
        case "open":
            monkeypatch.setattr("builtins.open", fail)
    with pytest.raises(DiskError) as caught:
        publish(storage)
    monkeypatch.undo()
    assert caught.value.code == code
    assert "\n" not in str(caught.value)
    assert storage.read(PATH) in ([b"whole"] if step == "fsync folder" else [None])
    assert [name for name in files(storage) if ".partial" in name] == []
    publish(storage, data=b"again")
    assert storage.read(PATH) == b"again"


@pytest.mark.parametrize(
    ("number", "code", "advice"),
    [
        (errno.ENOSPC, "disk.full", "Make room"),
        (errno.EACCES, "disk.read_only", "Check the permissions, or choose another folder with --data"),
        (errno.EROFS, "disk.read_only", "cannot be written"),
        (errno.ENOENT, "disk.missing", "Create the folder"),
        (errno.EMFILE, "disk.too_many_files", "ulimit -n"),
        (errno.ENFILE, "disk.too_many_files", "--n"),
        (errno.ENAMETOOLONG, "disk.path", "choose another folder with --data"),
        (errno.ENOTDIR, "disk.path", "choose another folder with --data"),
        (errno.EIO, "disk.failed", "Check the disk."),
    ],
)
def test_each_error_of_the_system_has_its_own_advice(number: int, code: str, advice: str) -> None:
    with pytest.raises(DiskError) as caught, disk_errors("x"):
        raise OSError(number, os.strerror(number), "data/x")
    assert caught.value.code == code
    assert str(caught.value).startswith("data/x: ")
    assert advice in str(caught.value)
    assert ("Check the disk" in str(caught.value)) == (code == "disk.failed")


def test_a_partial_write_is_continued(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    class OneByteAtATime(FullDisk):
        def write(self, data: memoryview) -> int:
            written: int = self._file.write(data[:1])
            return written

    original = open
    monkeypatch.setattr("builtins.open", lambda *a, **k: OneByteAtATime(original(*a, **k), 0))
    publish(storage, data=b"byte by byte")
    monkeypatch.undo()
    assert storage.read(PATH) == b"byte by byte"


def test_a_disk_that_takes_no_data_is_an_error_not_an_endless_loop(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TakesNothing(FullDisk):
        def write(self, data: memoryview) -> int:
            return 0

    original = open
    monkeypatch.setattr("builtins.open", lambda *a, **k: TakesNothing(original(*a, **k), 0))
    with pytest.raises(DiskError, match="takes no data"):
        publish(storage)


def test_partial_files_of_dead_workers_are_deleted_and_those_of_live_workers_kept(storage: Storage) -> None:
    publish(storage)
    large = b"x" * (new_file.IN_MEMORY + 1)
    with storage.new_file("replays/7/a", owner="live") as one, storage.new_file("tracks/b", owner="live") as two:
        one.write(large)
        two.write(large)
        for top in ("replays", "tracks"):
            (storage.root / top / ".partial" / "dead~x.Gbx").write_bytes(b"half")
        assert storage.delete_partial(storage.partial_files(), {"live"}) == 2
        assert files(storage) == ["replays/.partial/live~a", PATH, "tracks/.partial/live~b"]
    assert storage.delete_partial(storage.partial_files(), set()) == 0


def test_a_missing_data_folder_has_no_partial_files(storage: Storage) -> None:
    assert storage.delete_partial(storage.partial_files(), set()) == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows does not delete open files")
def test_a_temporary_file_deleted_by_another_worker_is_retried(storage: Storage) -> None:
    """A worker that started while this one was taken for dead deleted it: no reason to stop the run."""
    with pytest.raises(RetryLater) as caught, storage.new_file(PATH, owner="me") as file:  # noqa: PT012
        file.write(b"x" * (new_file.IN_MEMORY + 1))
        Storage(storage.root).delete_partial(Storage(storage.root).partial_files(), set())
        file.publish()
    assert caught.value.code == "disk.swept"
    assert files(storage) == []


def delete(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


@pytest.mark.parametrize("folder", ["replays/7", "replays", "replays/.partial", "."])
def test_a_folder_deleted_between_two_files_is_created_again(storage: Storage, folder: str) -> None:
    publish(storage)
    delete(storage.root / folder)
    publish(storage)
    assert storage.read(PATH) == b"whole"


def test_a_folder_deleted_while_a_file_is_written_is_created_again(storage: Storage) -> None:
    data = b"x" * (new_file.IN_MEMORY + 1)
    with storage.new_file(PATH, owner="me") as file:
        file.write(data)
        delete(storage.root / "replays/7")
        file.publish()
    assert storage.read(PATH) == data


def test_a_file_where_a_folder_is_needed_is_named_in_the_error(storage: Storage) -> None:
    storage.root.mkdir()
    (storage.root / "replays").write_bytes(b"")
    with pytest.raises(DiskError, match="replays"):
        publish(storage)


def test_checking_a_writable_folder_creates_it_and_leaves_it_empty(storage: Storage) -> None:
    storage.check_writable()
    assert list(storage.root.iterdir()) == []


def test_checking_a_read_only_folder_fails(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(DiskError) as caught:
        storage.check_writable()
    assert caught.value.code == "disk.read_only"
    assert "--data" in str(caught.value)


def test_free_space_is_known_before_the_folder_exists(storage: Storage) -> None:
    assert (storage.free_bytes() or 0) > 0


def test_threads_can_publish_into_the_same_new_folders(storage: Storage) -> None:
    start, problems = threading.Barrier(8), list[Exception]()

    def work(i: int) -> None:
        start.wait()
        try:
            for n in range(10):
                publish(storage, f"replays/{n}/{i}", owner="me")
        except Exception as problem:  # noqa: BLE001  # any failure has to fail the test
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(files(storage)) == 80

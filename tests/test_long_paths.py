r"""Windows refuses paths of more than 259 characters unless they begin with `\\?\`, and folders from 248 on.

The refusal is injected, also on Windows: its setting LongPathsEnabled turns it off, and Wine has no limit. Elsewhere
another name of the root folder stands for the prefix.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.capture.output.test_manifest import RUN
from tests.capture.output.test_output_folder import SETTINGS, keep
from tests.frames import captured_database
from tests.tool import Tool, tool
from tmxdb import paths
from tmxdb.api.captures import MirroredCapture
from tmxdb.api.rows import MirroredReplay
from tmxdb.capture.output.encoder import Encoder
from tmxdb.capture.output.folder import CaptureFolder
from tmxdb.cli.shared.output import message
from tmxdb.db.database import Database, _explained
from tmxdb.errors import DiskError
from tmxdb.paths import BELOW_FOLDER, MAX_FILE_PATH, MAX_FOLDER_PATH, extended, plain, too_long, with_prefix
from tmxdb.storage import Storage, disk_errors, write_user_file
from tmxdb_sandbox import running_site

__all__ = ["tool"]
PREFIX = "\\\\?\\" if os.name == "nt" else "/proc/self/root"
PATHS = {
    "open": [0], "os.mkdir": [0], "os.rmdir": [0], "os.remove": [0], "os.rename": [0, 1], "os.link": [0, 1],
    "os.scandir": [0], "os.listdir": [0], "os.chmod": [0], "os.utime": [0],
}  # fmt: skip
"""Which arguments of these audit events are paths: docs.python.org/3/library/audit_events.html."""
pytestmark = pytest.mark.skipif(not os.path.isdir(f"{PREFIX}{os.sep}") and os.name != "nt", reason="no /proc")


class Limit:
    """Refuses paths as Windows does while it is on. An audit hook cannot be removed."""

    def __init__(self) -> None:
        self.on, self.refused = False, list[str]()
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or event not in PATHS:
            return
        for path in [arguments[i] for i in PATHS[event] if isinstance(arguments[i], str | os.PathLike)]:
            text = os.path.abspath(path)
            longest = MAX_FOLDER_PATH if event == "os.mkdir" else MAX_FILE_PATH
            if len(text) > longest and not text.startswith(PREFIX):
                self.refused.append(f"{event} {text}")
                error = FileNotFoundError(errno.ENOENT, "The filename or extension is too long", str(path))
                error.winerror = 206  # type: ignore[attr-defined]  # exists on Windows only
                raise error


LIMIT = Limit()


@contextmanager
def limited() -> Iterator[list[str]]:
    """Refuse long paths in the block; yield those that were refused."""
    LIMIT.on, LIMIT.refused = True, []
    try:
        yield LIMIT.refused
    finally:
        LIMIT.on = False


@pytest.fixture(autouse=True)
def _windows(monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name != "nt":
        monkeypatch.setattr(paths, "LIMITED", True)
        monkeypatch.setattr(paths, "_PREFIX", PREFIX)
        monkeypatch.setattr(paths, "with_prefix", lambda path: path if path.startswith(PREFIX) else PREFIX + path)
        monkeypatch.setattr(os.path, "realpath", partial(_realpath, os.path.realpath))
        for name in [name for name in sys.modules if name.partition(".")[0] == "filelock"]:
            monkeypatch.delitem(sys.modules, name)  # it keeps the `realpath` that it was imported with


@pytest.fixture
def prefix_of_windows(_windows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "_PREFIX", "\\\\?\\")


@pytest.fixture
def far(tmp_path: Path) -> Path:
    """A folder whose path has almost as many characters as Windows allows, or more."""
    folder = tmp_path / ("a" * 100) / ("b" * 120)
    extended(folder).mkdir(parents=True)
    return folder


@pytest.mark.slow
def test_every_file_of_the_data_folder_is_opened_with_the_prefix(tool: Tool, far: Path) -> None:
    data = far / "data"
    with running_site(tracks=2, replays=1, plain=True) as site, limited() as refused:
        tool("--site", site.url, "sync-tracks")
        tool("--data", data, "run")
        tool("--data", data, "verify", "--hash")
        assert str(data) in tool("--data", data, "status").out
        replay_id = tool.one("select max(replay_id) from replays")
        file = data.joinpath(*tool.one("select file_path from replays order by replay_id desc limit 1").split("/"))
        assert f"{file}" in tool("--data", data, "show", "replay", replay_id).out
        extended(data / "replays" / "stray.txt").write_bytes(b"")
        tool("--data", data, "verify", "--move-orphans")
        tool("--data", data, "reread", "--all")
    assert refused == []
    assert len(list(extended(data).rglob("*.Gbx"))) == 4
    assert len(str(file)) > MAX_FILE_PATH


def test_captures_are_written_with_the_prefix(far: Path) -> None:
    storage = Storage(far / "data")
    with limited() as refused:
        for _ in range(2):  # the second replaces the first
            folder = CaptureFolder(storage, "frames/1/" + "r" * 100, SETTINGS, owner="o" * 45)
            encoder = Encoder(folder, SETTINGS, lambda: 0)
            encoder.store(keep(0, 0))
            encoder.finish()
            encoder.close()
            folder.publish(replace(RUN, total_frames=folder.frames))
            folder.close()
        assert len(os.listdir(storage.absolute("frames/1/" + "r" * 100))) == 3
    assert refused == []


def test_exports_are_written_with_the_prefix(tool: Tool, far: Path) -> None:
    tool("migrate")
    database = Database(str(tool.folder / "tmx.db"))
    captured_database(database, extended(far / "data"), {10: 3, 20: 3})
    database.close()
    with limited() as refused:
        tool("--data", far / "data", "export", "frames", far / "frames", "--format", "webdataset")
        tool("--data", far / "data", "export", "frames", far / "frames", "--check")
        tool("export", "captures", far / "captures.csv")
        tool("export", "captures", far / "captures.csv", "--force")
        write_user_file(far / ("c" * 60), b"data")
    assert refused == []
    assert extended(far / ("c" * 60)).read_bytes() == b"data"


def test_the_longest_name_in_a_data_folder_has_room(tmp_path: Path) -> None:
    longest = [f"frames/.partial/{'o' * 45}~{10**9}-{'r' * 111}.old/frame_00000_{10**7}ms.jpeg"]
    longest += [f"replays/{10**9}/{10**9}_{'u' * 40}_{10**9}ms.Replay.Gbx"]
    assert max(map(len, longest)) + 1 <= BELOW_FOLDER
    assert len(str(extended(Path(os.path.abspath(os.sep)), room=BELOW_FOLDER))) <= 3  # a short one needs no prefix


@pytest.mark.parametrize("make", [Path.write_bytes, lambda path, data: path.mkdir()], ids=["file", "folder"])
def test_a_path_that_is_too_long_is_one_sentence_with_the_limit(
    far: Path, make: Callable[[Path, bytes], object]
) -> None:
    path = far / ("x" * 30)
    with limited(), pytest.raises(DiskError) as caught, disk_errors(str(path), instead="choose another OUT"):
        make(path, b"")
    assert str(caught.value) == (
        f"{path}: the path has {len(str(path))} characters. Windows allows 259, and 247 for a folder, unless its"
        " setting LongPathsEnabled is on. Instead, choose another OUT."
    )
    assert caught.value.code == "disk.path"


def test_backups_and_databases_with_a_path_that_is_too_long_are_one_sentence(tool: Tool, far: Path) -> None:
    tool("migrate")
    with limited():
        assert "Windows allows 259" in tool("backup", far / ("b" * 30), ends=1).error
    name, opened = str(far / "tmx.db"), OSError("unable to open database file")
    error = _explained(name, _database_error(opened))
    assert error is not None
    assert "Windows allows 259" in str(error)
    assert "--db" in str(error)
    short = _explained("tmx.db", _database_error(opened))
    assert short is not None
    assert "Check that its folder exists" in str(short)


def test_paths_of_the_python_interface_have_the_prefix_only_where_they_need_it(tmp_path: Path, far: Path) -> None:
    """Other programs that a user hands such a path to cannot always read it."""
    for data, prefixed in ((tmp_path, False), (far, True)):
        replay = MirroredReplay({"file_path": "replays/1/2_name_3ms.Replay.Gbx"}, data)
        adopted = MirroredReplay({"file_path": (data / "old.Replay.Gbx").as_posix()}, data)
        capture = MirroredCapture({"folder_path": "frames/1/2_name_3ms"}, data)
        for path in (replay.path, adopted.path, capture.folder):
            assert str(path).startswith(PREFIX) == prefixed
            assert Path(plain(str(path))).is_relative_to(data)


@pytest.mark.parametrize(
    ("path", "prefixed"),
    [
        ("C:\\Users\\Übung\\data", "\\\\?\\C:\\Users\\Übung\\data"),
        ("C:/Users/./ann/../ben/", "\\\\?\\C:\\Users\\ben"),
        ("\\\\server\\share\\data", "\\\\?\\UNC\\server\\share\\data"),
        ("\\\\?\\C:\\data", "\\\\?\\C:\\data"),
        ("\\\\.\\NUL", "\\\\.\\NUL"),
    ],
)
@pytest.mark.usefixtures("prefix_of_windows")
def test_the_prefix_is_put_before_each_form_of_a_path(path: str, prefixed: str) -> None:
    assert with_prefix(path) == prefixed
    assert with_prefix(prefixed) == prefixed


@pytest.mark.usefixtures("prefix_of_windows")
def test_messages_show_paths_without_the_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    assert plain("\\\\?\\C:\\data: and \\\\?\\UNC\\server\\share: full") == "C:\\data: and \\\\server\\share: full"
    with pytest.raises(DiskError, match="C:"), disk_errors("\\\\?\\C:\\data"):
        raise OSError(errno.ENOSPC, "No space left on device")
    message("\\\\?\\C:\\data has none of the files")
    assert capsys.readouterr().err == "C:\\data has none of the files\n"
    assert too_long("\\\\?\\C:\\" + "x" * 300) is None


def _realpath(real: Callable[..., str], path: Any, **options: Any) -> str:
    """Return what `real` returns with the prefix kept, as on Windows."""
    resolved = real(path, **options)
    return PREFIX + resolved if os.fspath(path).startswith(PREFIX) else resolved


def _database_error(reason: OSError) -> Any:
    from sqlalchemy import exc

    return exc.OperationalError("select 1", None, reason)

"""Check that a running game with TmxdbLink uses the folders that tmxdb writes to, and which process it is."""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from tmxdb.errors import GameError, TmxdbError
from tmxdb.game.capabilities import Capabilities
from tmxdb.game.check_result import CheckResult
from tmxdb.game.driver import PluginLink
from tmxdb.game.folders import GameFiles, GameFolders
from tmxdb.game.process.processes import listener_of, process_name

_DRIVE = re.compile(r"([A-Za-z]):[\\/]*(.*)", re.S)


def check_process(port: int, capabilities: Capabilities) -> CheckResult:
    """Find the process of the game: the one that listens on the port, and the one that the plugin reports."""
    pid, reported = listener_of(port), capabilities.process_id
    if pid is None:
        return CheckResult("process", None, "not found: no process of this user listens on the port, or more than one")
    found = f"{pid} ({process_name(pid)}) listens on port {port}"
    if reported is None or reported == pid:
        return CheckResult("process", True, found)
    if sys.platform == "win32":
        fix = "another program has taken the port: end it, or choose another --base-tmi-port"
        return CheckResult("process", False, f"{found}, but the game is process {reported}", fix)
    return CheckResult("process", True, f"{found}; Wine counts it as {reported}")


def check_folders(link: PluginLink, folders: GameFolders, port: int) -> Iterator[CheckResult]:
    """Check what the game says about its folders, and that it reads a script that is written here."""
    reported = link.user_folder()
    if reported is not None:
        yield compare_folder(reported, folders)
    files = GameFiles(folders, f"check{port}")
    text = f"# {secrets.token_hex(8)}\n"
    fix = "set the folder that this game uses with --tminterface-path"
    try:
        name = files.write_script("check", text)
        content = link.read_script_file(name)
        if content is not None:
            is_read = content.strip() == text.strip()
            found = "reads the scripts that tmxdb writes to" if is_read else "does not read the scripts in"
            yield CheckResult("scripts", is_read, f"the game {found} {folders.scripts}", None if is_read else fix)
    except GameError as error:  # how the game reports a missing file is not established
        yield CheckResult("scripts", False, f"the game finds no script in {folders.scripts} ({error})", fix)
    except TmxdbError as error:
        yield CheckResult("scripts", False, error.message, fix)
    finally:
        files.remove_files()


def compare_folder(reported: str, folders: GameFolders) -> CheckResult:
    """Compare the user's folder that the game reports with those that tmxdb uses.

    Not established: whether it is that of the game, of TMInterface, or the documents. Each of them is accepted.
    """
    path = local_path(reported, folders.game)
    if path is None:
        return CheckResult("user folder", None, f"{reported}, which cannot be compared with {folders.game}")
    ours = [_key(folder) for folder in (folders.game, folders.tminterface)]
    theirs = _key(path)
    if any(theirs == one or theirs in one.parents or one in theirs.parents for one in ours):
        return CheckResult("user folder", True, f"{reported}: the game uses the folders that tmxdb writes to")
    return CheckResult(
        "user folder",
        None,
        f"the game says {reported}, and tmxdb writes to {folders.game} and {folders.tminterface}",
        "if this is another installation, set its folders with --trackmania-path and --tminterface-path",
    )


def local_path(text: str, game: Path) -> Path | None:
    """Return a path of Windows as a path of this system; None if it cannot be mapped.

    `game`: a folder in the same Wine prefix. Drive C is `drive_c` in the prefix, the others are links in `dosdevices`.
    """
    if os.name == "nt" or text.startswith("/"):
        return Path(text)
    match = _DRIVE.fullmatch(text.strip())
    if match is None:
        return None
    drive, rest = match[1].lower(), match[2].replace("\\", "/").strip("/")
    prefix = next((parent.parent for parent in game.parents if parent.name == "drive_c"), None)
    if prefix is None:
        prefix = Path(os.environ.get("WINEPREFIX") or Path.home() / ".wine")
    root = prefix / "drive_c" if drive == "c" else prefix / "dosdevices" / f"{drive}:"
    return root / rest if root.exists() else None


def _key(path: Path) -> Path:
    """Return a path to compare with: Windows ignores case, and a folder may be a link."""
    return Path(str(path.resolve()).casefold())

"""What a run of captures says about the files that a killed one had moved."""

import subprocess
import sys
from pathlib import Path

from tmxdb.capture.games.leftovers import restore_folders
from tmxdb.game.folders import GameFolders

HIDING = """
import os, sys
from pathlib import Path
from tmxdb.game.autosaves import Autosaves
Autosaves(Path(sys.argv[1])).hide("A01-Race", username="me")
os._exit(1)
"""


def test_restored_files_are_named_once(tmp_path: Path) -> None:
    folders = GameFolders(tmp_path / "TmForever", tmp_path / "TMInterface")
    folders.autosaves.mkdir(parents=True)
    own = folders.autosaves / "me_A01-Race.Replay.gbx"
    own.write_bytes(b"own")
    subprocess.run([sys.executable, "-c", HIDING, str(folders.autosaves)])
    assert not own.exists()
    notes: list[str] = []
    for _ in range(2):
        restore_folders(folders, None, (), notes.append)
    assert own.read_bytes() == b"own"
    assert notes == [f"Restored 1 file in {folders.autosaves} that a killed worker had moved."]

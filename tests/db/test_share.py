"""A SQLite file on a network share: what counts as one, found on this machine, and told to whoever writes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tmxdb.db.share import file_system, is_network, mounted, warning

from ..tool import Tool, tool

__all__ = ["tool"]


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "NFS", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "fuse.rclone", "afpfs"]
)
def test_a_file_system_of_another_machine_is_a_share(kind: str) -> None:
    assert is_network(kind)


@pytest.mark.parametrize(
    "kind", ["ext4", "xfs", "btrfs", "zfs", "overlay", "tmpfs", "apfs", "NTFS", "fuseblk", "fuse.ntfs-3g", "", "disk"]
)
def test_a_disk_of_this_machine_is_none(kind: str) -> None:
    assert not is_network(kind)


def test_the_nearest_mount_counts_and_a_later_one_covers_an_earlier() -> None:
    mounts = [("/", "ext4"), ("/home", "nfs4"), ("/home/me/disk", "xfs"), ("/mnt", "ext4"), ("/mnt", "cifs")]
    for path, kind in (
        ("/home/me/tmx.db", "nfs4"),
        ("/home", "nfs4"),
        ("/homely/tmx.db", "ext4"),
        ("/home/me/disk/a/tmx.db", "xfs"),
        ("/mnt/tmx.db", "cifs"),
        ("/tmx.db", "ext4"),
    ):
        assert mounted(path, mounts) == kind, path
    assert mounted("/tmx.db", []) is None


def test_the_file_system_of_this_machine_is_found_as_the_system_tells_it(tmp_path: Path) -> None:
    if sys.platform != "linux" or not shutil.which("findmnt"):
        pytest.skip("not a platform with findmnt to compare with")
    (tmp_path / "link").symlink_to(tmp_path)
    for path in (
        tmp_path / "not there yet" / "tmx.db",
        tmp_path / "link" / "tmx.db",
        Path("/proc/self"),
        Path("/dev/shm"),
    ):
        there = next(parent for parent in (path, *path.parents) if parent.exists()).resolve()
        told = subprocess.run(
            ["findmnt", "-n", "-o", "FSTYPE", "-T", there], capture_output=True, text=True, check=True, timeout=20
        )
        assert file_system(path) == told.stdout.strip().splitlines()[-1]


def test_a_database_on_a_server_has_no_file_to_warn_of() -> None:
    assert warning(None) is None


def test_whoever_writes_to_a_share_is_told_once_and_whoever_reads_is_not(
    tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "network share" not in tool("migrate").err
    monkeypatch.setattr("tmxdb.db.share.file_system", lambda path: "nfs4")
    for command in (
        ["migrate"],
        ["retry"],
        ["verify"],
        ["skip", "--track", "1", "--reason", "x"],
        ["copy-db", "tmx.db", "b.db"],
    ):
        err = tool(*command).err
        assert err.count("lies on a network share (nfs4)") == 1, command
        assert "PostgreSQL" in err
    for command in (["status"], ["query", "select 1"], ["skip", "--track", "1", "--reason", "x", "--dry-run"]):
        assert "network share" not in tool(*command).err

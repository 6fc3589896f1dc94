"""A SQLite file on a network share: how it is recognised, and the warning of commands that write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import needs
from tests.tool import Tool, tool
from tmxdb.db.engines.network_share import file_system, is_network, mounted, warning

__all__ = ["tool"]


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "NFS", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "fuse.rclone", "afpfs"]
)
def test_a_file_system_of_another_machine_is_a_share(kind: str) -> None:
    assert is_network(kind)


@pytest.mark.parametrize(
    "kind", ["ext4", "xfs", "btrfs", "zfs", "overlay", "tmpfs", "apfs", "NTFS", "fuseblk", "fuse.ntfs-3g", "", "disk"]
)
def test_a_disk_of_this_machine_is_not_a_share(kind: str) -> None:
    assert not is_network(kind)


def test_the_nearest_mount_counts_and_a_later_one_hides_an_earlier_one() -> None:
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


@pytest.mark.skipif(sys.platform != "linux", reason="findmnt is a program of Linux")
def test_the_file_system_found_is_the_one_that_the_system_reports(tmp_path: Path) -> None:
    needs.program("findmnt")
    (tmp_path / "link").symlink_to(tmp_path)
    for path in (
        tmp_path / "not there yet" / "tmx.db",
        tmp_path / "link" / "tmx.db",
        Path("/proc/self"),
        Path("/dev/shm"),
    ):
        there = next(parent for parent in (path, *path.parents) if parent.exists()).resolve()
        ran = subprocess.run(
            ["findmnt", "-n", "-o", "FSTYPE", "-T", there], capture_output=True, text=True, check=True, timeout=20
        )
        assert file_system(path) == ran.stdout.strip().splitlines()[-1]


def test_a_database_on_a_server_gets_no_warning() -> None:
    assert warning(None) is None


def test_commands_that_write_to_a_share_warn_once_and_others_do_not(
    tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "network share" not in tool("migrate").err
    monkeypatch.setattr("tmxdb.db.engines.network_share.file_system", lambda path: "nfs4")
    for command in (
        ["migrate"],
        ["retry"],
        ["verify"],
        ["skip", "--track", "1", "--reason", "x"],
        ["copy-db", "tmx.db", "b.db"],
    ):
        err = tool(*command, ends=None).err
        assert err.count("is on a network share (nfs4)") == 1, command
        assert "PostgreSQL" in err
    for command in (["status"], ["query", "select 1"], ["skip", "--track", "1", "--reason", "x", "--dry-run"]):
        assert "network share" not in tool(*command, ends=None).err

"""Does a SQLite file lie on a network share? Its locks, and the memory that readers and writers share, do not reach
across machines; many shares do not even lock between two programs of one machine.

A warning, not a refusal: a home folder on a share with all workers on one machine is common and mostly goes well,
and whoever has no other disk could not work at all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

# Names of the kernel's and FUSE's file systems: man 5 filesystems, man 8 mount, /proc/filesystems.
NETWORK = {
    "9p", "acfs", "afpfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "glusterfs", "gpfs", "lustre",
    "ncpfs", "nfs", "nfs3", "nfs4", "orangefs", "prl_fs", "smb", "smb2", "smb3", "smbfs", "vboxsf", "vmhgfs", "webdav",
}  # fmt: skip
_FUSE = {"ceph", "curlftpfs", "davfs2", "gcsfuse", "glusterfs", "juicefs", "rclone", "s3fs", "smbnetfs", "sshfs",
         "vmhgfs-fuse"}  # fmt: skip
_REMOTE_DRIVE = 4  # DRIVE_REMOTE: learn.microsoft.com, GetDriveTypeW


def warning(path: Path | None) -> str | None:
    """What to tell somebody who writes to the SQLite file `path`; None where it lies on a disk of this machine, where
    that can not be found out, and for another engine."""
    kind = None if path is None else file_system(path)
    if kind is None or not is_network(kind):
        return None
    return (
        f"Warning: {path} lies on a network share ({kind}). SQLite can not lock there safely: workers on two machines"
        " break the file. Keep it on a disk of this machine; for several machines give a PostgreSQL to --db."
    )


def is_network(kind: str) -> bool:
    """Whether a file system of this name has its files on another machine."""
    name = kind.lower()
    return name in NETWORK or (name.startswith("fuse.") and name.removeprefix("fuse.") in _FUSE)


def file_system(path: Path) -> str | None:
    """The name of the file system that `path` is or would be on; None if that can not be told."""
    try:
        real = path.resolve()
        if sys.platform == "win32":
            return _windows(real)
        import psutil  # here, for reading commands do not ask

        return mounted(str(real), ((mount.mountpoint, mount.fstype) for mount in psutil.disk_partitions(all=True)))
    except (OSError, RuntimeError):
        return None


def mounted(path: str, mounts: Iterable[tuple[str, str]]) -> str | None:
    """Of (place, kind), in the order of mounting, that one which `path` is below; a later one covers an earlier."""
    best, kind = -1, None
    for place, its_kind in mounts:
        below = path == place or path.startswith(place.rstrip("/") + "/")
        if below and len(place) >= best:
            best, kind = len(place), its_kind
    return kind


def _windows(path: Path) -> str | None:
    """`smb` for a path on another computer, by name or by the letter of a drive."""
    if path.drive.startswith("\\\\"):
        return "smb"
    import ctypes

    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 (only there on Windows, and mypy reads this elsewhere)
    return "smb" if kernel.GetDriveTypeW(path.drive + os.sep) == _REMOTE_DRIVE else "disk"

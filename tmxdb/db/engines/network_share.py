"""Whether a SQLite file is on a network share, whose locks and shared memory do not work across machines.

Many shares do not even lock between two programs of one machine. It is a warning, not a refusal: a home folder on a
share with all workers on one machine is common and mostly works.
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
    """Return the warning for a user who writes to the SQLite file `path`.

    None if it is on a local disk, if that cannot be determined, and for another engine.
    """
    kind = None if path is None else file_system(path)
    if kind is None or not is_network(kind):
        return None
    return (
        f"Warning: {path} is on a network share ({kind}), where SQLite cannot lock safely: workers on two machines"
        " would damage it. Keep it on a local disk; for several machines use PostgreSQL with --db."
    )


def is_network(kind: str) -> bool:
    """Return whether a file system of this name keeps its files on another machine."""
    name = kind.lower()
    return name in NETWORK or (name.startswith("fuse.") and name.removeprefix("fuse.") in _FUSE)


def file_system(path: Path) -> str | None:
    """Return the name of the file system that `path` is or would be on, or None if that cannot be determined."""
    try:
        real = path.resolve()
        if sys.platform == "win32":
            return _windows(real)
        import psutil  # imported here because read-only commands do not need it

        return mounted(str(real), ((mount.mountpoint, mount.fstype) for mount in psutil.disk_partitions(all=True)))
    except (OSError, RuntimeError):
        return None


def mounted(path: str, mounts: Iterable[tuple[str, str]]) -> str | None:
    """Return the file system of `path`, given (mount point, file system) in mount order; later mounts hide earlier."""
    best, kind = -1, None
    for point, its_kind in mounts:
        below = path == point or path.startswith(point.rstrip("/") + "/")
        if below and len(point) >= best:
            best, kind = len(point), its_kind
    return kind


def _windows(path: Path) -> str | None:
    """Return `smb` for a path on another computer, by name or by drive letter."""
    if path.drive.startswith("\\\\"):
        return "smb"
    import ctypes

    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 (exists only on Windows, and mypy reads this elsewhere)
    return "smb" if kernel.GetDriveTypeW(path.drive + os.sep) == _REMOTE_DRIVE else "disk"

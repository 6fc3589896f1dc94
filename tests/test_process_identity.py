"""A process that the system does not show now has not ended: its rows and files stay its own."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tmxdb.process_identity import has_ended, identity_of, process_in, process_started_ms, this_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")


@pytest.fixture
def ended() -> tuple[int, int]:
    """Return the id of a process that has ended, and its start."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        started_ms = process_started_ms(process.pid)
    assert started_ms is not None
    return process.pid, started_ms


def test_a_process_that_has_ended_or_has_the_id_of_another_is_recognised(ended: tuple[int, int]) -> None:
    started_ms = process_started_ms(os.getpid())
    assert started_ms is not None
    assert not has_ended(os.getpid(), started_ms)
    assert has_ended(os.getpid(), started_ms - 1)
    assert has_ended(*ended)
    assert process_started_ms(ended[0]) is None


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.EIO])
def test_a_process_that_cannot_be_looked_at_has_not_ended(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(path: Path) -> bytes:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "read_bytes", fail)
    assert not has_ended(os.getpid(), 1)
    with pytest.raises(OSError, match=os.strerror(number)):
        process_started_ms(os.getpid())


def test_a_hidden_process_of_another_user_has_not_ended(
    monkeypatch: pytest.MonkeyPatch, ended: tuple[int, int]
) -> None:
    def kill(pid: int, number: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "kill", kill)
    assert not has_ended(*ended)


def test_a_process_stays_the_same_when_the_clock_is_set(
    monkeypatch: pytest.MonkeyPatch, ended: tuple[int, int]
) -> None:
    # What psutil adds to the ticks of a process moves with the clock of the system.
    boot = psutil.boot_time()
    identity = process_in(str(identity_of(os.getpid())))
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot + 3600)
    monkeypatch.setattr("psutil._pslinux.BOOT_TIME", boot + 3600, raising=False)
    assert identity == this_process()
    assert identity.is_alive()
    assert not identity_of(ended[0]).is_alive()

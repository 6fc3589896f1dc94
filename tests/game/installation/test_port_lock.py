"""A port lock has one holder and ends with its process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tool import Tool
from tmxdb.errors import InvalidInput
from tmxdb.game.locks.port_lock import PortLock, is_port_in_use

HOLD = """
import sys
from pathlib import Path
from tmxdb.game.locks.port_lock import PortLock
lock = PortLock(Path(sys.argv[1]), 8478)
lock.acquire()
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_port_is_free_again_when_its_holder_is_killed(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(
        words, env=Tool.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "locked\n"
        assert is_port_in_use(tmp_path, 8478)
        assert not is_port_in_use(tmp_path, 8479)
        with pytest.raises(InvalidInput, match="port 8478"):
            PortLock(tmp_path, 8478).acquire(0.1)
        holder.kill()
        holder.wait()
    assert not is_port_in_use(tmp_path, 8478)
    assert list(tmp_path.iterdir()) == []

"""The code of docs/how-to/python.md runs."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tmxdb.api import Mirror

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "python.md"


def test_every_example_runs_in_order(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(mirror.location).parent)
    Path("maps/vcp").mkdir(parents=True)
    np.save("maps/vcp/1_0.5m_cl.npy", np.linspace((600.0, 9.0, 500.0), (590.0, 9.0, 520.0), 40))
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    assert len(blocks) >= 4
    Path("page.py").write_text("replay_id = 10\n" + "\n".join(blocks), "utf-8")
    names: dict[str, Any] = runpy.run_path("page.py")
    assert len(names["between"]) == 610
    assert names["inputs"].shape == (11, 184)
    assert len(names["window"]["action_idx"]) == 4
    names["mirror"].close()

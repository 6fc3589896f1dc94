"""The example in docs/reference/gbx.md runs, and its tables name every code and every limit as they are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.gbx.made import a_challenge, a_replay
from tmxdb.gbx import read_replay
from tmxdb.gbx.format import limits

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "reference" / "gbx.md").read_text("utf-8")


def test_the_example_runs(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "a.Replay.Gbx").write_bytes(a_replay())
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{example}"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    assert ran.stdout.splitlines()[0] == "TMF 6110 (4170, 6110) Racer"
    assert ran.stdout.splitlines()[-1].startswith("gbx.not_gbx 0 ")
    assert (tmp_path / "a.Challenge.Gbx").read_bytes() == a_challenge()


def test_the_example_of_the_guide_prints_every_input(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "how-to" / "gbx-files.md").read_text("utf-8")
    (example,) = [part for part in re.findall(r"```python\n(.*?)```", guide, re.DOTALL) if "read_replay" in part]
    (tmp_path / "run.Replay.Gbx").write_bytes(a_replay())
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{example}"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    assert len(ran.stdout.splitlines()) == 1 + len(read_replay(a_replay()).inputs)


def test_every_code_is_in_the_table() -> None:
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "tmxdb" / "gbx").rglob("*.py"))
    codes = set(re.findall(r'"(gbx\.[a-z_]+)"', sources)) - {"gbx.no_pygbx"}
    assert codes == set(re.findall(r"^\| `(gbx\.[a-z_]+)` \|", TEXT, re.MULTILINE))


def test_the_limits_are_those_of_the_code() -> None:
    text = " ".join(TEXT.split())
    assert f"a file of {limits.MAX_FILE_BYTES // limits.MIB} MiB" in text
    assert f"a body of {limits.MAX_BODY_BYTES // limits.MIB} MiB" in text
    assert f"a map of {limits.MAX_MAP_BYTES // limits.MIB} MiB" in text
    assert f"{limits.MAX_INPUTS:,} inputs" in text
    assert f"{limits.MAX_CHECKPOINTS:,} checkpoints" in text

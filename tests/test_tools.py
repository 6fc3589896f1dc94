"""`.ci/run` and the tools of `tools/` lose nothing and hide nothing when a step fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tools import vendored

ROOT = Path(__file__).parents[1]


def ci(folder: Path, status: int) -> tuple[int, list[str]]:
    """Run a copy of .ci/run whose first `run.py test` ends with `status`. Return its status and what it ran."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("bash", "dirname", "rm"):
        (programs / name).symlink_to(shutil.which(name) or "")
    log = folder / "log"
    python = f'echo "$*" >>{log}\n[ "$*" = "run.py test" ] && exit {status}\nexit 0'
    for name, program in (("python3", python), ("git", "exit 0")):
        (programs / name).write_text(f"#!{programs}/bash\n{program}\n", "utf-8")
        (programs / name).chmod(0o755)
    (folder / ".ci").mkdir()
    script = shutil.copy(ROOT / ".ci" / "run", folder / ".ci")
    ran = subprocess.run([script], env={"PATH": str(programs)})
    return ran.returncode, [line.removeprefix("run.py ") for line in log.read_text("utf-8").splitlines()]


needs_bash = pytest.mark.skipif(os.name != "posix" or not shutil.which("bash"), reason="bash is not installed")


@needs_bash
def test_ci_repeats_the_tests_that_failed(tmp_path: Path) -> None:
    again = "test -n 0 -v --last-failed --last-failed-no-failures none"
    assert ci(tmp_path, 1) == (0, ["check", "test", again, "docs", "wheel"])


@needs_bash
def test_ci_fails_when_not_all_tests_ran(tmp_path: Path) -> None:
    assert ci(tmp_path, 2) == (2, ["check", "test"])


@needs_bash
def test_ci_does_not_repeat_what_failed_in_an_earlier_run(tmp_path: Path) -> None:
    older = tmp_path / ".pytest_cache" / "v" / "cache" / "lastfailed"
    older.parent.mkdir(parents=True)
    older.write_text("{}", "utf-8")
    ci(tmp_path, 1)
    assert not older.exists()


def test_vendored_libraries_stay_when_they_cannot_be_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendored, "VENDOR", tmp_path)
    monkeypatch.setenv("PATH", "")  # without npm
    library = tmp_path / "three" / "three.core.min.js"
    library.parent.mkdir()
    library.write_text("three", "utf-8")
    with pytest.raises(OSError):
        vendored.main()
    assert library.read_text("utf-8") == "three"

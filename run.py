"""Everything a fresh machine needs, in one command: python3 run.py demo | test | check | wheel | bench | tmxdb …

Makes a virtual environment in .venv with tmxdb and what its tests need, once, and runs the task in it. Only the
standard library is used here; with uv installed, `uv run tmxdb demo` and `uv run pytest` do the same.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
SCRIPTS = "Scripts" if os.name == "nt" else "bin"


def main(arguments: list[str]) -> int:
    task, *rest = arguments or ["help"]
    tasks = {"demo": demo, "test": test, "check": check, "wheel": wheel, "bench": bench, "tmxdb": tmxdb}
    if task not in tasks:
        print(__doc__.strip())
        return 0 if task in ("help", "-h", "--help") else 2
    if sys.version_info < (3, 11):  # noqa: UP036 (run by whatever Python the machine has)
        print(f"tmxdb needs Python 3.11 or newer; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 1
    return tasks[task](rest)


def demo(rest: list[str]) -> int:
    """The whole chain against the stand-in for the exchange."""
    return run([python(), "-m", "tmxdb", "demo", *rest])


def tmxdb(rest: list[str]) -> int:
    """Any tmxdb command, in the folder it is called from."""
    return run([python(), "-m", "tmxdb", *rest])


def test(rest: list[str]) -> int:
    """All tests, on as many processors as there are."""
    return run([python(), "-m", "pytest", "-n", "auto", *rest], cwd=HERE)


def check(rest: list[str]) -> int:
    """Lint, format and types."""
    executable = python()
    commands = (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"])
    return max(run([executable, "-m", *command], cwd=HERE) for command in commands)


def bench(rest: list[str]) -> int:
    """One benchmark by name, or a list of them."""
    names = sorted(path.stem for path in (HERE / "bench").glob("*.py") if not path.stem.startswith("_"))
    if not rest or rest[0] not in names:
        print("python3 run.py bench " + "|".join(names))
        return 2
    return run([python(), "-m", f"bench.{rest[0]}", *rest[1:]], cwd=HERE)


def wheel(rest: list[str]) -> int:
    """Build a wheel, install it into an environment of its own, and run the demo with it far from here."""
    with tempfile.TemporaryDirectory() as folder:
        if run([python(), "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, str(HERE)]):
            return 1
        run([sys.executable, "-m", "venv", f"{folder}/venv"])
        installed = Path(folder, "venv", SCRIPTS)
        built = next(Path(folder).glob("*.whl"))
        if run([str(installed / "python"), "-m", "pip", "install", "-q", str(built)]):
            return 1
        # What is no Python must have come along, too.
        if run([str(installed / "tmxdb"), "game", "install-plugin", "--folder", folder], cwd=Path(folder)):
            return 1
        return run([str(installed / "tmxdb"), "demo", "--tracks", "10"], cwd=Path(folder))


def python() -> str:
    """The interpreter of .venv, made and filled if it is not there or the project's needs have changed."""
    executable = VENV / SCRIPTS / ("python.exe" if os.name == "nt" else "python")
    stamp, needs = VENV / "tmxdb-ready", hashlib.sha256((HERE / "pyproject.toml").read_bytes()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != needs or not executable.exists():
        print("Setting up .venv (once) …", file=sys.stderr)
        shutil.rmtree(VENV, ignore_errors=True)
        if run([sys.executable, "-m", "venv", str(VENV)]):
            sys.exit("Python can not make virtual environments here; on Debian and Ubuntu: apt install python3-venv")
        install = [str(executable), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        if run([*install, "-e", f"{HERE}[dev]"]):
            sys.exit("The packages that tmxdb needs could not be installed; see above.")
        stamp.write_text(needs)
    return str(executable)


def run(command: list[str], cwd: Path | None = None) -> int:
    """Run a command in the foreground; Ctrl-C is the command's, and its status is ours."""
    process = subprocess.Popen(command, cwd=cwd)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

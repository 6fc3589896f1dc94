"""Run tmxdb and its development tasks from a fresh checkout: python3 run.py TASK …

Tasks: demo, tmxdb, test, check, docs, wheel, bench, windows.

Creates a virtual environment in .venv with what the task needs, and runs the task in it. On Windows: py run.py. With uv
installed, `uv run tmxdb demo` and `uv run pytest` do the same.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
COMMAND = "py run.py" if os.name == "nt" else "python3 run.py"


def main(arguments: list[str]) -> int:
    task, *rest = arguments or ["help"]
    functions = (demo, tmxdb, test, check, docs, wheel, bench, windows)
    tasks = {function.__name__: function for function in functions}
    if task not in tasks:
        print((__doc__ or "").strip())
        return 0 if task in ("help", "-h", "--help") else 2
    if sys.version_info < (3, 11):  # noqa: UP036 (run by any Python that the machine has)
        print(f"tmxdb needs Python 3.11 or newer; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 1
    return tasks[task](rest)


def demo(rest: list[str]) -> int:
    """Run the demo against the sandbox. Only --capture needs more than tmxdb's own packages."""
    executable = python("capture") if "--capture" in rest else python()
    return become([executable, "-P", "-m", "tmxdb", "demo", "--program", f"{COMMAND} tmxdb", *rest])


def tmxdb(rest: list[str]) -> int:
    """Run a tmxdb command in the current folder. With -P, modules in that folder are not imported."""
    return become([python("capture"), "-P", "-m", "tmxdb", *rest])


def test(rest: list[str]) -> int:
    """Run all tests, or with --quick all but slow and integration tests (see pyproject.toml).

    Many tests wait for a game or a process, so there are more workers than processors.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # every worker would compile all tests, every time
    selected = ["-m", "not slow and not integration"] if "--quick" in rest else []
    workers = 2 * (os.cpu_count() or 1) + 2
    words = [word for word in rest if word != "--quick"]
    command = [python("dev"), "-m", "pytest", "-n", str(workers), "--dist", "worksteal", *selected, *words]
    return run(command, cwd=HERE)


def check(rest: list[str]) -> int:
    """Check style, format and types."""
    executable = python("dev")
    commands = (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"])
    return max(run([executable, "-m", *command], cwd=HERE) for command in commands)


def bench(rest: list[str]) -> int:
    """Run one benchmark by name, or list them."""
    names = sorted(path.stem for path in (HERE / "bench").glob("*.py") if not path.stem.startswith("_"))
    if not rest or rest[0] not in names:
        print(f"{COMMAND} bench " + "|".join(names))
        return 2
    executable = python("dev")
    if status := run([executable, "-m", "bench._machine"], cwd=HERE):
        return status
    return run([executable, "-m", f"bench.{rest[0]}", *rest[1:]], cwd=HERE)


def docs(rest: list[str]) -> int:
    """Regenerate the reference pages, then build the site into build/site. `--serve` shows it in a browser instead."""
    executable = python("dev")
    if status := run([executable, "-m", "tools.docs"], cwd=HERE):
        return status
    os.environ["NO_MKDOCS_2_WARNING"] = "1"  # a notice of the theme about a later generator
    return run([executable, "-m", "mkdocs", "serve" if "--serve" in rest else "build", "--strict"], cwd=HERE)


def windows(rest: list[str]) -> int:
    """Run the demo and the quick tests with Windows' Python under Wine, on Linux. `--help` lists its options."""
    return run([python("dev"), "-m", "tools.windows", *rest], cwd=HERE)


def wheel(rest: list[str]) -> int:
    """Build a wheel, install it into an environment of its own, and run the demo with it in another folder."""
    with tempfile.TemporaryDirectory() as folder:
        if run([python(), "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, str(HERE)]):
            return 1
        if run([sys.executable, "-m", "venv", f"{folder}/venv"]):
            return 1
        installed = Path(folder, "venv", SCRIPTS)
        built = next(Path(folder).glob("*.whl"))
        if run([str(installed / "python"), "-m", "pip", "install", "-q", str(built)]):
            return 1
        # Files that are not Python must be in the wheel, too.
        if run([str(installed / "tmxdb"), "game", "install-plugin", "--folder", folder], cwd=Path(folder)):
            return 1
        return run([str(installed / "tmxdb"), "demo", "--tracks", "10"], cwd=Path(folder))


def python(extra: str = "") -> str:
    """Return the interpreter of .venv, with tmxdb and the packages of `extra` installed.

    The environment is created again when pyproject.toml has changed, and when this folder was copied or moved: the
    environment contains its path. `dev` contains all other extras.
    """
    executable = VENV / SCRIPTS / ("python.exe" if os.name == "nt" else "python")
    stamp = VENV / "tmxdb-ready"
    digest = hashlib.sha256(os.fsencode(HERE) + b"\0" + (HERE / "pyproject.toml").read_bytes()).hexdigest()
    known, *installed = (stamp.read_text() if stamp.is_file() else "").split() or [""]
    if known != digest or not executable.exists():
        print("Creating .venv (once) …", file=sys.stderr)
        creator = getattr(sys, "_base_executable", sys.executable)  # this program may be run by the old environment
        shutil.rmtree(VENV, ignore_errors=True)
        if run([creator, "-m", "venv", str(VENV)]):
            sys.exit("Python cannot create virtual environments here. On Debian and Ubuntu: apt install python3-venv")
        installed = []
    needed = extra or "base"
    if needed not in installed and "dev" not in installed and not (needed == "base" and installed):
        target = f"{HERE}[{extra}]" if extra else str(HERE)
        install = [str(executable), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-e", target]
        if run(install):
            sys.exit("The packages that tmxdb needs could not be installed; see above.")
        stamp.write_text(" ".join([digest, *installed, needed]))
    return str(executable)


def become(command: list[str]) -> int:
    """Replace this process by a command, so that a signal to this process reaches it. On Windows, run it."""
    if os.name != "nt":
        sys.stdout.flush()
        os.execv(command[0], command)
    return run(command)


def run(command: list[str], cwd: Path | None = None) -> int:
    """Run a command in the foreground and return its status, as a shell does: 128 + N if signal N ended it.

    Ctrl-C is left to the command: as an exception it could lose the status of one that ends at the same moment.
    """
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        status = subprocess.Popen(command, cwd=cwd).wait()
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed and status == 0:
        return 130
    return 128 - status if status < 0 else status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

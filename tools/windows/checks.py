"""What a user does first: the demo, the commands of README and tutorial in cmd.exe, redirected output, Ctrl-C."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.windows.environment import ROOT, Environment, windows_path
from tools.windows.records import Record
from tools.windows.running import follow

FOLDER = "Übung mit Leerzeichen"
"""Commands run in an empty folder of this name: a space and a letter beyond ASCII."""
PAGES = {"README": "README.md", "tutorial": "docs/tutorial.md"}
NEEDS_A_GAME = ("game check", "--launch-game")
STARTS_A_SITE = "tmxdb sandbox"
NEEDS_CAPTURES = ("export frames", "from captures", "contact-sheet")
"""What these commands read is in the folder of the demo."""
CHECK_S = 1800
"""Of one command."""
INTERRUPTED = 130
DOCUMENTED_SITE = "http://127.0.0.1:8765"


def demo(environment: Environment, record: Record) -> None:
    """Run the demo with captures in an empty folder."""
    folder = environment.folder / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    process = environment.start("-m", "tmxdb", "demo", "--capture", cwd=folder)
    _write(record, "`tmxdb demo --capture`", _problem(*_followed(process)))


def pages(environment: Environment, record: Record, url: str) -> None:
    """Type the commands of README and tutorial into cmd.exe, against a stand-in for the exchange. After `demo`."""
    folder = environment.folder / FOLDER
    for made_by_the_game in ("TmForever/Tracks", "TMInterface/Plugins"):
        (folder / made_by_the_game).mkdir(parents=True)
    find_replay = "tmxdb query --csv \"select min(replay_id) from captures where status = 'done'\""
    output, _ = _in_cmd(environment, folder / "tmxdb-demo", find_replay, url)
    replay_id = output.split()[-1] if output else "?"
    for page in PAGES:
        for command in typed_commands(page):
            place = folder / "tmxdb-demo" if any(word in command for word in NEEDS_CAPTURES) else folder
            typed = command.replace(DOCUMENTED_SITE, url).replace("REPLAY_ID", replay_id)
            output, status = _in_cmd(environment, place, typed, url)
            _write(record, f"{page}: `{command}`", _problem(output, status))
    _in_cmd(environment, folder, 'tmxdb query --csv "select track_name from leaderboard" > names.csv', url)
    _write(record, "output redirected by cmd.exe is UTF-8", _utf8_problem(folder / "names.csv"))
    output, status = _in_cmd(environment, folder, 'tmxdb query "select * from leaderboard" | more', url)
    _write(record, "`tmxdb query … | more`", output[-200:] if status or "Traceback" in output else None)


def adoption(environment: Environment, record: Record, url: str) -> None:
    """Adopt what `pages` downloaded into another database, in cmd.exe."""
    folder = environment.folder / FOLDER / "Zweiter Ordner"
    folder.mkdir()
    for command in (
        r'tmxdb adopt "..\data\replays" --dry-run',
        r'tmxdb adopt "..\data\replays" --contact you@example.org',
        "tmxdb run --top 5",
        "tmxdb verify",
    ):
        output, status = _in_cmd(environment, folder, command, url)
        _write(record, f"`{command}`", _problem(output, status))


def ctrl_c(environment: Environment, record: Record, url: str) -> None:
    """Interrupt a worker, and two that share a run. Wine turns a SIGINT of Linux into the Ctrl-C of a console."""
    for options, workers in (([], "a worker"), (["--processes", "2"], "two worker processes")):
        words = ["-u", "-m", "tmxdb", "work", "--kind", "download", "--forever", *options, "--site", url]
        process = environment.start(*words, cwd=environment.folder / FOLDER)
        ended = follow(process, CHECK_S, said=_presser(process))
        good = ended.status == INTERRUPTED and "Interrupted" in ended.output and "Traceback" not in ended.output
        problem = None if good else f"{ended.how}: {ended.output[-200:]}"
        _write(record, f"Ctrl-C ends {workers} in good order", problem)


def _presser(process: subprocess.Popen[str]) -> Callable[[str], None]:
    """Return a function that presses Ctrl-C at the first line about progress."""
    pressed: list[str] = []

    def press(line: str) -> None:
        if "to do" in line and not pressed:
            pressed.append(line)
            process.send_signal(signal.SIGINT)

    return press


CHECKS = "first use"
"""The name of the record of the checks."""


def run_checks(environment: Environment, record: Record) -> None:
    """Run all checks, unless `record` has them."""
    if not record.is_complete:
        record.file.unlink(missing_ok=True)
        demo(environment, record)
        with _site(environment, environment.folder / FOLDER) as url:
            for check in (pages, adoption, ctrl_c):
                check(environment, record, url)
        record.write(end=True)


def typed_commands(page: str) -> list[str]:
    """Return the commands of a page that need no real game, without the Python that runs them in a checkout."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / PAGES[page]).read_text("utf-8"), re.S)
    lines = [line.removeprefix("$ ").split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    lines = [re.sub(r"^python3 (\.\./)?run\.py tmxdb ", "tmxdb ", line) for line in lines]
    left_out = (*NEEDS_A_GAME, STARTS_A_SITE)
    return [line for line in lines if line.startswith("tmxdb ") and not any(word in line for word in left_out)]


@contextmanager
def _site(environment: Environment, folder: Path) -> Iterator[str]:
    """Run a stand-in for the exchange and yield its address."""
    words = ["-u", "-m", "tmxdb", "sandbox", "--tracks", "30", "--port", "0"]
    process = environment.start(*words, cwd=folder)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                yield found[0]
                return
        raise RuntimeError("the stand-in for the exchange did not start")
    finally:
        process.kill()
        process.wait()


def _in_cmd(environment: Environment, folder: Path, command: str, url: str) -> tuple[str, int]:
    """Run a line as it would be typed into cmd.exe, with `tmxdb` on its path; return its output and status."""
    tools = environment.folder / "on the path"
    tools.mkdir(exist_ok=True)
    (tools / "tmxdb.bat").write_text(f'@"{windows_path(environment.python)}" -m tmxdb %*\r\n', "utf-8")
    (tools / "typed.bat").write_text(f"@call {command.replace('%', '%%')}\r\n", "utf-8")
    game = windows_path(environment.folder / FOLDER / "TmForever")
    variables = {"WINEPATH": windows_path(tools), "TMXDB_SITE": url, "TRACKMANIA_BASE_PATH": game}
    process = environment.start_program("cmd", "/c", "typed.bat", cwd=folder, **variables)
    return _followed(process)


def _followed(process: subprocess.Popen[str]) -> tuple[str, int]:
    """Return the output of a process, as one line, and its status."""
    ended = follow(process, CHECK_S)
    return " ".join(ended.output.split()), ended.status


def _problem(output: str, status: int) -> str | None:
    return f"status {status}: {output[-200:]}" if status else None


def _write(record: Record, name: str, problem: str | None) -> None:
    """Record a check. A page may have the same command twice."""
    while name in record.outcomes():
        name += " (again)"
    record.write(test=name, outcome="failed" if problem else "passed", said=problem or "")


def _utf8_problem(file: Path) -> str | None:
    try:
        lines = file.read_bytes().decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return str(error)
    return None if len(lines) > 2 else f"only {len(lines)} lines"

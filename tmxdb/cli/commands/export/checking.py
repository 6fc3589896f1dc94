"""`tmxdb export --check OUT`: verify what an export wrote, whichever kind it is."""

from __future__ import annotations

import sys
from pathlib import Path

from tmxdb.cli.exit_status import SOME_FAILED
from tmxdb.cli.shared.output import message, plural, print_json
from tmxdb.errors import InvalidInput

SHOWN = 20


def check_export(out: Path) -> None:
    """Read every file of the export in `out` and print the problems; exit with status 3 if there are any."""
    from tmxdb.cli.shared.progress import progress_bar
    from tmxdb.export.file_card import file_problems
    from tmxdb.export.folder_card import card_problem, unfinished_files
    from tmxdb.export.frames.sharded_export import PLAN
    from tmxdb.export.hub_card import CARD, SUMS, check_sums, read_sums
    from tmxdb.export.lake.check import check_lake
    from tmxdb.export.lake.records import STATE, load_files

    if out.is_file():
        _report(1, "file", file_problems(out))
    elif (out / PLAN).is_file():
        check_frames(out)
    elif (out / STATE).is_file():
        with progress_bar(len(load_files(out)), "files", progress=None) as bar:
            n, problems = check_lake(out, bar.update)
        _report(n, "file", problems)
    elif (out / SUMS).is_file():
        text = (out / SUMS).read_bytes()
        sums, unfinished = read_sums(text), unfinished_files(text)
        with progress_bar(len(sums), "files", progress=None) as bar:
            problems = check_sums(out, sums, bar.update)
        problems += [
            f"{path}: the export is not finished. Run the same command again to continue." for path in unfinished
        ]
        if (out / CARD).is_file() and not unfinished:
            problem = card_problem((out / CARD).read_text("utf-8", errors="replace"), len(sums))
            problems += [f"{CARD}: {problem} Run the same export again."] if problem else []
        _report(len(sums), "file", problems)
    elif not out.exists():
        raise InvalidInput(f"{out} does not exist.", code="input.no_export")
    else:
        raise InvalidInput(f"{out} contains no export that can be checked.", code="input.no_export")


def check_frames(out: Path, *, as_json: bool = False, progress: bool | None = None) -> None:
    """Read every shard of captured frames in `out` and print the problems; exit with status 3 if there are any."""
    from tmxdb.cli.shared.progress import progress_bar
    from tmxdb.export.frames.sharded_export import load_export

    data_set = load_export(out)
    with progress_bar(len(data_set.shards), "shards", progress=progress) as bar:
        problems = data_set.check(lambda shard: bar.update())
    if as_json:
        print_json({"shards": len(data_set.shards), "problems": problems})
    _report(len(data_set.shards), "shard", problems)


def _report(n: int, word: str, problems: list[str]) -> None:
    for problem in problems[:SHOWN]:
        message(problem)
    if len(problems) > SHOWN:
        message(f"… and {len(problems) - SHOWN:,} more.")
    message(f"{plural(n, word)} checked, {plural(len(problems), 'problem')}.")
    if problems:
        sys.exit(SOME_FAILED)

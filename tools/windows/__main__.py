"""Set up Windows' Python under Wine, run the demo, the README's commands and the quick tests there, and print a table.

    python3 run.py windows [--folder FOLDER] [--minutes N] [--keep] [TEST …]

FOLDER keeps Wine's files and the packages, 1.1 GB, and the outcomes: a run that was ended continues where it was, as
long as the code is the same. Without TEST, all test folders run. Exit status 1: something failed that
tools/windows/limits.py does not explain.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.windows.checks import CHECKS, run_checks
from tools.windows.environment import ROOT, Environment, NotPossible
from tools.windows.records import code_digest, record_of, records_of
from tools.windows.results import Results
from tools.windows.suite import run_tests, test_targets


def main() -> int:
    parser = argparse.ArgumentParser(prog="run.py windows", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "windows", help="where everything is kept")
    parser.add_argument("--minutes", type=float, default=60, help="time limit of each test folder (default 60)")
    parser.add_argument("--keep", action="store_true", help="do not repeat what passed before the code was changed")
    parser.add_argument("--set-up-only", action="store_true", help="run nothing")
    parser.add_argument("tests", nargs="*", help="test files or folders (default: all)")
    chosen = parser.parse_args()
    try:
        environment = Environment(chosen.folder.absolute())
        environment.set_up()
    except NotPossible as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    if chosen.set_up_only:
        return 0
    results, code = Results(environment.versions()), code_digest(ROOT)
    try:
        if not chosen.tests:
            record = record_of(environment.folder, code, CHECKS)
            run_checks(environment, record)
            results.add_checks(record)
        for name, words in test_targets(chosen.tests):
            record = record_of(environment.folder, code, name)
            if chosen.keep:
                record.keep(records_of(environment.folder, name))
            print(f"\n{name}", file=sys.stderr)
            results.add_tests(name, record, run_tests(environment, words, record, chosen.minutes * 60))
    finally:
        environment.stop()
    print(results.table())
    return 1 if results.unexplained else 0


if __name__ == "__main__":
    sys.exit(main())

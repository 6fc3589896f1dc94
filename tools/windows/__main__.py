"""Set up Windows' Python under Wine, run the demo, the README's commands and the quick tests there, and print a table.

    python3 run.py windows [--folder FOLDER] [--n N] [TEST …]

FOLDER keeps Wine's files and the packages, 1.1 GB, for the next time (default: build/windows). Without TEST, all test
folders run. Exit status 1: something failed that tools/windows/limits.py does not explain.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.windows.checks import CHECKS
from tools.windows.environment import ROOT, Environment, NotPossible
from tools.windows.results import Results
from tools.windows.suite import run_tests, test_targets


def main() -> int:
    parser = argparse.ArgumentParser(prog="run.py windows", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "windows", help="where everything is kept")
    parser.add_argument("--n", type=int, default=2, help="test processes (default 2)")
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
    results = Results(environment.versions())
    try:
        if not chosen.tests:
            for check in CHECKS:
                check(environment, results)
        for target in test_targets(chosen.tests):
            run_tests(environment, target, chosen.n, results)
    finally:
        environment.stop()
    print(results.table())
    return 1 if results.unexplained else 0


if __name__ == "__main__":
    sys.exit(main())

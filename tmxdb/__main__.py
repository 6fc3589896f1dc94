"""The command `tmxdb`, and `python -m tmxdb`."""

import os

from tmxdb.cli import main


def run() -> None:
    """Run the command."""
    # Python puts the current folder before its own library for `-m` and for the processes of a pool: they would import
    # a `random.py` from it.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    main()


if __name__ == "__main__":
    run()

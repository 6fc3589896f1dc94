"""How long `tmxdb --help` and `tmxdb status` take, against Python alone.

python3 run.py bench startup
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from bench._table import print_rows

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import tmxdb.gbx": ["-c", "import tmxdb.gbx"],
    "tmxdb --help": ["-m", "tmxdb", "--help"],
    "tmxdb status": ["-m", "tmxdb", "status"],
}


def main(rounds: int = 7) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # Compiled once, as an installed package is.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "TMXDB_DB": os.path.join(folder, "tmx.db")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        subprocess.run(
            [sys.executable, "-m", "tmxdb", "migrate"], env=environment, stdout=subprocess.DEVNULL, check=True
        )
        times: dict[str, list[float]] = {name: [] for name in COMMANDS}
        for _ in range(rounds + 1):
            for name, arguments in COMMANDS.items():
                began = time.perf_counter()
                subprocess.run([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, check=True)
                times[name].append(time.perf_counter() - began)
    medians = {name: sorted(values[1:])[rounds // 2] for name, values in times.items()}
    base = medians["python -c pass"]
    rows = [[name, 1000 * seconds, seconds / base] for name, seconds in medians.items()]
    print_rows(f"start of a process (median of {rounds})", ("what", "ms", "ratio"), rows)


if __name__ == "__main__":
    main()

"""Kill processes at random moments while the site fails, and check that nothing is lost or done twice.

    python3 run.py bench crash --kills 200
    python3 run.py bench crash --kills 200 --url postgresql+psycopg://user@host/an_empty_database

One of four processes gets SIGKILL about once per second. 3 % of the responses are 503, 2 % are cut, 1 % reset, 1 % a
web page, and from time to time every request gets 429 for two seconds. `tests/crash/judging.py` describes the checks;
`tests/e2e/test_crash.py` is a short run of the same. Exit status 1: a check failed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench._table import print_rows
from tests.crash.judging import Judge
from tests.crash.killing import Killing, Plan
from tmxdb_sandbox import running_site

REQUESTS_PER_SECOND = 40
REPLAYS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--n", type=int, default=4)
    parser.add_argument("--every-s", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--url", help="A database without tables; else a SQLite file of this run's own.")
    wanted = parser.parse_args()
    seconds = wanted.kills * wanted.every_s
    plan = Plan(
        kills=wanted.kills,
        processes=wanted.processes,
        n=wanted.n,
        every_s=wanted.every_s,
        seed=wanted.seed,
        top=REPLAYS,
        rate=REQUESTS_PER_SECOND,
        sync_kills=min(wanted.kills, 10),
        storms_at_s=tuple(8.0 + 60 * storm for storm in range(int(seconds // 60) + 1)),
        deadline_s=60 * seconds + 60,  # a busy machine finishes the work slowly
    )
    # Enough to do that the kills are over before it is.
    tracks = max(10, round(1.3 * seconds * REQUESTS_PER_SECOND / (REPLAYS + 1)))
    with tempfile.TemporaryDirectory() as name, running_site(tracks=tracks, replays=REPLAYS, latency_ms=150) as site:
        location = wanted.url or str(Path(name) / "tmx.db")
        history = Killing(Path(name), location, site, plan)()
        site.set_latency(0)
        judge = Judge(history, location, site)
        print_rows(f"{plan.processes} processes, a SIGKILL about every {plan.every_s:g} s, seed {plan.seed}",
                   ("what", "n"), list(judge.numbers().items()))  # fmt: skip
        complaints = judge.complaints()
    print("\n".join(complaints) or "\nNothing lost, nothing twice.")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()

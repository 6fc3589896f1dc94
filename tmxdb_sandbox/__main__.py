"""`python -m tmxdb_sandbox`: the simulated exchange as a child process, configured by a line of JSON on stdin.

It prints one line, its URL or `error: …`, and runs until stdin ends: when the parent closes it or dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading

from tmxdb.errors import InvalidInput
from tmxdb_sandbox.server import Sandbox
from tmxdb_sandbox.settings import Settings


def main() -> int:
    settings = Settings.from_json(sys.stdin.readline())

    def on_ready(url: str, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()

        def wait_for_end_of_stdin() -> None:  # in a thread: Windows pipes cannot be awaited
            sys.stdin.read()
            with contextlib.suppress(RuntimeError):  # the loop is already closed
                loop.call_soon_threadsafe(stop.set)

        threading.Thread(target=wait_for_end_of_stdin, daemon=True).start()
        print(url, flush=True)

    try:
        asyncio.run(Sandbox(settings).run(on_ready))
    except InvalidInput as error:
        print(f"error: {error}", flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

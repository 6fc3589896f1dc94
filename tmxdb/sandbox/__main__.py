"""`python -m tmxdb.sandbox`: the stand-in as a child process, told what to be by a line of JSON on stdin.

It says its URL in a line on stdout, or `error: …`, and lives until stdin ends: when the parent closes it,
or dies in whatever way.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading

from tmxdb.errors import BadInput
from tmxdb.sandbox.server import Sandbox
from tmxdb.sandbox.settings import Settings


def main() -> int:
    settings = Settings.from_json(sys.stdin.readline())

    def on_ready(url: str, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()

        def wait_for_the_end() -> None:  # in a thread: Windows pipes can not be awaited
            sys.stdin.read()
            with contextlib.suppress(RuntimeError):  # the loop has closed already
                loop.call_soon_threadsafe(stop.set)

        threading.Thread(target=wait_for_the_end, daemon=True).start()
        print(url, flush=True)

    try:
        asyncio.run(Sandbox(settings).run(on_ready))
    except BadInput as error:
        print(f"error: {error}", flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""`python -m tmxdb.sandbox.game --user-folder … --port N`: a game, as a launcher script starts the real one.

It runs until it is told to `quit` or is ended. With `--settings-on-stdin` it is the child of `running_game`: settings
and questions come as lines of JSON, and it ends with stdin.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from dataclasses import MISSING, fields
from typing import Any

from tmxdb.errors import TmxdbError
from tmxdb.sandbox.game import control
from tmxdb.sandbox.game.settings import GameSettings
from tmxdb.sandbox.game.world.game import Game


def main() -> int:
    from_stdin = sys.argv[1:] == ["--settings-on-stdin"]
    if from_stdin:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us, too, but our parent decides when to end
    settings = GameSettings.from_json(sys.stdin.readline()) if from_stdin else _settings_of(sys.argv[1:])
    try:
        game = Game(settings)
    except TmxdbError as error:
        print(f"error: {error}", flush=True)
        return 1
    print(f"port {game.port}", flush=True)
    if from_stdin:
        threading.Thread(target=control.serve, args=[game], daemon=True).start()
    try:
        game.run()
    except KeyboardInterrupt:
        return 130
    return 0


def _settings_of(arguments: list[str]) -> GameSettings:
    """Every field is an option: `--user-folder`, `--replay-folders` (several), `--pace` …"""
    parser = argparse.ArgumentParser(prog="python -m tmxdb.sandbox.game", description=__doc__)
    for field in fields(GameSettings):
        name = "--" + field.name.replace("_", "-")
        if field.type == "bool":
            parser.add_argument(name, action=argparse.BooleanOptionalAction, default=field.default)
        elif str(field.type).startswith("list"):
            parser.add_argument(name, nargs="*", default=[])
        else:
            needed = field.default is MISSING
            default = None if needed else field.default
            parser.add_argument(name, type=_type_of(field.type), default=default, required=needed)
    return GameSettings(**vars(parser.parse_args(arguments)))


def _type_of(annotation: Any) -> type:
    return {"int": int, "float": float}.get(str(annotation), str)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # a thread may still be reading stdin: Python would wait for it, or crash

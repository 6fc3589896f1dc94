"""`python -m tmxdb_sandbox.game --user-folder … --port N`: run a game, as a launch script starts the real one.

It runs until the console command `quit`, or until it is ended. With `--settings-on-stdin` it is the child of
`running_game`: settings and requests come as lines of JSON, and it exits at the end of stdin.
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
from tmxdb_sandbox.game import control
from tmxdb_sandbox.game.settings import GameSettings
from tmxdb_sandbox.game.world.game import Game


def main() -> int:
    from_stdin = sys.argv[1:] == ["--settings-on-stdin"]
    if from_stdin:
        signal.signal(
            signal.SIGINT, signal.SIG_IGN
        )  # Ctrl-C reaches this process too, but the parent decides when it ends
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
    """Parse the command line: each field is an option, such as `--user-folder`, `--replay-folders` or `--pace`."""
    parser = argparse.ArgumentParser(prog="python -m tmxdb_sandbox.game", description=__doc__)
    for field in fields(GameSettings):
        name = "--" + field.name.replace("_", "-")
        if field.type == "bool":
            parser.add_argument(name, action=argparse.BooleanOptionalAction, default=field.default)
        elif str(field.type).startswith("list"):
            parser.add_argument(name, nargs="*", default=_default_list(field))
        else:
            required = field.default is MISSING
            default = None if required else field.default
            parser.add_argument(name, type=_type_of(field.type), default=default, required=required)
    return GameSettings(**vars(parser.parse_args(arguments)))


def _default_list(field: Any) -> list[str]:
    return list(field.default_factory())


def _type_of(annotation: Any) -> type:
    return {"int": int, "float": float}.get(str(annotation), str)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # do not wait for the thread that reads stdin

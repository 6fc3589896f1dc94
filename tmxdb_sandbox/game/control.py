"""Requests to a running game, as lines of JSON on stdin and stdout, with which tests read and change its state."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from tmxdb.errors import TmxdbError
from tmxdb_sandbox.game.world.game import Game


def serve(game: Game) -> None:
    """Answer requests until stdin ends, which ends the process: its parent has exited."""
    for line in sys.stdin:
        message = json.loads(line)
        try:
            answer = {"answer": _answer(game, message["request"], message.get("value"))}
        except TmxdbError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)
    os._exit(0)


def _answer(game: Game, request: str, value: Any) -> Any:
    match request:
        case "log":
            return game.journal.log()
        case "stats":
            return game.journal.stats()
        case "screen":
            return game.screen
        case "forget":
            game.journal.clear()
        case "faults":
            game.set_faults([str(text) for text in value])
        case "freeze":
            game.freeze()
        case "thaw":
            game.thaw()
    return None

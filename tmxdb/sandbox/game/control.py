"""Lines of JSON on stdin and stdout: how a test looks into a running game and changes it."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from tmxdb.errors import TmxdbError
from tmxdb.sandbox.game.world.game import Game


def serve(game: Game) -> None:
    """Answers until stdin ends, which ends the process: whoever started it has gone."""
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = {"answer": _answer(game, order["ask"], order.get("value"))}
        except TmxdbError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)
    os._exit(0)


def _answer(game: Game, ask: str, value: Any) -> Any:
    match ask:
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

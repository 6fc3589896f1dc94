"""Loads the script of a race, confirms that it is loaded, and compares the inputs that the game has with it.

A game with TmxdbLink takes the script as a text and says when it is loaded. Other games load it from its file, in a
later frame and without a word.
"""

from __future__ import annotations

from collections.abc import Generator
from enum import Enum

from tmxdb.capture.input_comparison import compare_inputs, events_as_script
from tmxdb.capture.race import assumptions as assumed
from tmxdb.capture.race import commands as cmd
from tmxdb.capture.race.race_spec import RaceSpec


class ScriptStatus(Enum):
    """What the game says about the script."""

    LOADED = "loaded, or this game cannot say"
    PROCESSED = "still being processed"
    REFUSED = "the text had no effect"


class ScriptLoader:
    """The script of one race; without one, a ghost drives and there is nothing to load."""

    def __init__(self, spec: RaceSpec) -> None:
        self._spec = spec
        self._may_use_text = True
        self._is_text = False

    def load(self) -> Generator[cmd.Command, cmd.Reply, None]:
        """Load the script. From a file it arrives in a later frame."""
        if self._spec.script_name is None:
            return
        self._is_text = self._may_use_text and (yield cmd.LoadScript(self._spec.run.script)) is True
        if not self._is_text:
            yield cmd.Execute(f"load {self._spec.script_name}")

    def status(self) -> Generator[cmd.Command, cmd.Reply, ScriptStatus]:
        """Ask whether the script is loaded. After REFUSED, `load` uses the file."""
        if not self._is_text:
            return ScriptStatus.LOADED
        inputs = yield cmd.QueryScript()
        if inputs == assumed.SCRIPT_BEING_PROCESSED:
            return ScriptStatus.PROCESSED
        if isinstance(inputs, int) and inputs > 0:
            return ScriptStatus.LOADED
        self.use_file()
        return ScriptStatus.REFUSED

    def use_file(self) -> None:
        """Load the script from its file from now on."""
        self._may_use_text = False

    def compare(self, ended_ms: int) -> Generator[cmd.Command, cmd.Reply, bool | None]:
        """Return whether the game's inputs until `ended_ms` are those of the script; None if it cannot say.

        The game's input events are compared, or else the script that it makes of them.
        """
        if self._spec.script_name is None:
            return None
        shift_ms = 0
        reported = yield cmd.QueryEvents()
        if isinstance(reported, tuple):
            reported = events_as_script(reported)
        else:
            shift_ms = assumed.INPUTS_SHIFT_MS
            reported = yield cmd.QueryInputs()
        if not isinstance(reported, str):
            return None
        until_ms = min(self._spec.race_time_ms, ended_ms)
        found = compare_inputs(self._spec.run.script, reported, until_ms, shift_ms=shift_ms)
        if found:
            yield cmd.Note(f"the game's inputs differ from those of the script: {'; '.join(found)}")
        return not found

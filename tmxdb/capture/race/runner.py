"""Runs a race on a game: performs its commands on a driver and watches its deadlines. All decisions are in
`state_machine.py`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from tmxdb.capture.race import assumptions as assumed
from tmxdb.capture.race import commands as cmd
from tmxdb.capture.race.commands import Commands
from tmxdb.capture.race.outcome import CompletedRace, FailedRace
from tmxdb.capture.race.state_machine import Race
from tmxdb.errors import GameError, GameTimeout, InvalidInput
from tmxdb.game.capabilities import FOCUS
from tmxdb.game.driver import ConnectedEvent, Driver, Frame


class FrameSink(Protocol):
    """Receives the frames. Both calls must return quickly: the game waits at its next event meanwhile."""

    def store(self, frame: cmd.StoreFrame) -> None:
        """Store a frame."""

    def store_tick(self, tick: cmd.StoreTick) -> None:
        """Store the car at a tick. The game is not held meanwhile."""

    def discard(self) -> None:
        """Discard all frames and ticks."""


class Window(Protocol):
    """The game's window on this desktop."""

    def focus(self) -> None:
        """Give it the focus if possible."""

    def press_enter(self) -> None:
        """Press Enter in it. Raise GameError or InvalidInput."""


class Runner:
    """Runs one race.

    `restart` stops the game and starts it again; only a race that may ask for it needs one. `picture_lag` returns how
    many ticks the pictures of the connected game lag at a speed.
    """

    def __init__(
        self,
        race: Race,
        driver: Driver,
        sink: FrameSink,
        *,
        restart: Callable[[], None] | None = None,
        note: Callable[[str], None] = lambda text: None,
        picture_lag: Callable[[float], int] = lambda speed: 0,
        window: Window | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._race, self._driver, self._sink = race, driver, sink
        self._window, self._note = window, note
        self._restart = restart
        self._clock, self._sleep = clock, sleep
        self._event_held = False  # an event that waits for its answer
        self._wants_state = False  # with that answer
        self._is_open = True
        self._frames: list[cmd.StoreFrame] = []
        self._handlers: dict[type, Callable[[Any], cmd.Reply]] = {
            cmd.Execute: lambda command: driver.execute(command.command),
            cmd.GiveUp: lambda command: driver.give_up(),
            cmd.SetSpeed: lambda command: driver.set_speed(command.speed),
            cmd.SetTimeout: lambda command: driver.set_response_timeout(command.timeout_ms),
            cmd.SetPeriod: lambda command: driver.set_step_period(command.period_ms),
            cmd.RequestFrame: lambda command: driver.request_frame(command.width, command.height),
            cmd.CancelFrame: lambda command: driver.unrequest_frame(),
            cmd.ShowHud: lambda command: driver.show_hud(command.shown),
            cmd.QueryMenus: lambda command: driver.in_menus(),
            cmd.QueryFinished: lambda command: driver.race_finished(),
            cmd.QueryState: lambda command: driver.state(),
            cmd.AnswerWithState: self._answer_with_state,
            cmd.QueryMap: lambda command: driver.running_map(),
            cmd.FocusWindow: self._focus_window,
            cmd.PressEnter: self._press_enter,
            cmd.QueryPictureLag: lambda command: picture_lag(command.speed),
            cmd.QueryInputs: lambda command: driver.inputs(),
            cmd.HoldFrame: self._hold_frame,
            cmd.QueryEvents: lambda command: link.input_events() if (link := driver.link()) else None,
            cmd.QueryCamera: lambda command: link.camera() if (link := driver.link()) else None,
            cmd.ReportStates: lambda command: link.report_states() if (link := driver.link()) else None,
            cmd.LoadScript: lambda command: link.load_script(command.text) if (link := driver.link()) else None,
            cmd.QueryScript: lambda command: link.script_inputs() if (link := driver.link()) else None,
            cmd.StoreFrame: self._frames.append,
            cmd.DiscardFrames: self._discard,
            cmd.Reconnect: self._reconnect,
            cmd.RestartGame: self._restart_game,
            cmd.Disconnect: self._disconnect,
            cmd.Note: lambda command: note(command.text),
        }

    @property
    def is_connected(self) -> bool:
        """Whether the connection is still open. After a completed race it is, unless the end dialog came."""
        return self._is_open

    def run(self) -> CompletedRace | FailedRace:
        """Run the race to its end and return the result.

        Raise what the sink raises, after disconnecting.
        """
        race, driver, clock = self._race, self._driver, self._clock
        try:
            self._perform(race.begin(clock()))
            while race.result is None:
                try:
                    event = driver.wait(max(0.0, race.deadline - clock()))
                    self._event_held = True
                except GameTimeout:
                    self._perform(race.timed_out(clock()))
                    continue
                except GameError as error:
                    self._connection_lost(error)
                    continue
                self._perform(race.handle(event, clock()))
                self._answer()
                for frame in self._frames:
                    self._sink.store(frame)
                self._frames.clear()
            return race.result
        except BaseException:
            driver.close()
            raise

    def _perform(self, commands: Commands) -> None:
        """Perform the commands and pass each reply back. A connection that breaks meanwhile leads to other commands."""
        reply: cmd.Reply = None
        try:
            while True:
                command = commands.send(reply)
                reply = self._handlers[type(command)](command)
        except StopIteration:
            return
        except GameError as error:
            commands.close()
            self._connection_lost(error)

    def _connection_lost(self, error: GameError) -> None:
        self._disconnect()
        self._perform(self._race.connection_lost(error.code, error.message, self._clock()))

    def _answer(self) -> None:
        """Answer the held event, unless the connection was closed meanwhile."""
        if not self._event_held:
            return
        self._event_held = False
        wants_state, self._wants_state = self._wants_state, False
        try:
            if wants_state:
                tick = self._race.set_state(self._driver.answer_and_get_state())
                if tick is not None:
                    self._sink.store_tick(tick)
            else:
                self._driver.answer()
        except GameError as error:
            self._is_open = False
            if self._race.result is None:
                self._connection_lost(error)

    def _focus_window(self, command: cmd.FocusWindow) -> None:
        if FOCUS in self._driver.capabilities():
            self._driver.focus_window()
        elif self._window is not None:
            self._window.focus()

    def _press_enter(self, command: cmd.PressEnter) -> None:
        if self._window is None:
            return
        try:
            self._window.press_enter()
        except (GameError, InvalidInput) as error:  # the race goes on waiting
            self._note(f"Enter could not be pressed: {error}")

    def _answer_with_state(self, command: cmd.AnswerWithState) -> None:
        self._wants_state = True

    def _hold_frame(self, command: cmd.HoldFrame) -> cmd.HeldFrame:
        """Take a picture of a race that stands still.

        At speed 0 no step comes, and a picture can be requested only in reply to a message. The greeting of a new
        connection is one: docs/facts/tminterface.md#timeouts-and-connections.
        """
        driver = self._driver
        if command.is_rendered:
            return self._rendered_frame(command)
        driver.set_speed(0.0)
        self._event_held = False
        driver.close()
        self._sleep(command.pause_s)
        driver.connect(assumed.CONNECT_S)
        if not isinstance(driver.wait(assumed.GREETING_S), ConnectedEvent):
            raise GameError("the race does not stand still at speed 0.", code="game.nonsense")
        state = driver.state()
        driver.request_frame(command.width, command.height)
        driver.set_speed(command.speed)  # the picture is taken in the same rendered frame, before the next tick
        driver.answer()
        event = driver.wait(assumed.RACING_S)
        self._event_held = True
        if not isinstance(event, Frame):
            raise GameError("the game sent no picture while the race stood still.", code="game.nonsense")
        return cmd.HeldFrame(state, event)

    def _rendered_frame(self, command: cmd.HoldFrame) -> cmd.HeldFrame:
        link = self._driver.link()
        frame = link.force_frame(command.width, command.height) if link is not None else None
        if frame is None:
            raise GameError(
                "the game rendered no picture on request. Calibrate with `--method held`.", code="game.nonsense"
            )
        return cmd.HeldFrame(self._driver.state(), frame)

    def _discard(self, command: cmd.DiscardFrames) -> None:
        self._frames.clear()
        self._sink.discard()

    def _disconnect(self, command: cmd.Disconnect | None = None) -> None:
        self._event_held = self._wants_state = self._is_open = False
        self._driver.close()

    def _reconnect(self, command: cmd.Reconnect) -> None:
        self._disconnect()
        self._sleep(command.pause_s)
        self._connect(command.timeout_s)

    def _restart_game(self, command: cmd.RestartGame) -> None:
        self._disconnect()
        if self._restart is not None:
            self._restart()
        self._connect(command.timeout_s)

    def _connect(self, timeout_s: float) -> None:
        self._driver.connect(timeout_s)
        self._is_open = True
        self._race.connected(self._clock())

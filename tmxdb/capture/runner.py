"""Plays a race on a game: performs its orders on a driver, watches its deadlines. All thinking is in `race.py`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from tmxdb.capture import orders as do
from tmxdb.capture.outcome import Driven, Failed
from tmxdb.capture.race import Orders, Race
from tmxdb.errors import GameSilent, GameTrouble
from tmxdb.game.driver import Driver


class Sink(Protocol):
    """Where pictures go. Neither may take long: the game runs on meanwhile, and waits at its next word."""

    def keep(self, kept: do.Keep) -> None:
        """Store a picture."""

    def discard(self) -> None:
        """Forget all of them."""


class Runner:
    """Plays one race. `restart`: ends the game and starts it anew; needed only by a race that may ask for it."""

    def __init__(
        self,
        race: Race,
        driver: Driver,
        sink: Sink,
        *,
        restart: Callable[[], None] | None = None,
        note: Callable[[str], None] = lambda text: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._race, self._driver, self._sink = race, driver, sink
        self._restart, self._note = restart, note
        self._clock, self._sleep = clock, sleep
        self._holds = False  # an event that waits for its answer
        self._tells = False  # with that answer the car is to be told
        self._is_open = True
        self._kept: list[do.Keep] = []
        self._how: dict[type, Callable[[Any], do.Reply]] = {
            do.Execute: lambda order: driver.execute(order.command),
            do.GiveUp: lambda order: driver.give_up(),
            do.SetSpeed: lambda order: driver.set_speed(order.speed),
            do.SetTimeout: lambda order: driver.set_response_timeout(order.timeout_ms),
            do.SetPeriod: lambda order: driver.set_step_period(order.period_ms),
            do.RequestFrame: lambda order: driver.request_frame(order.width, order.height),
            do.Unrequest: lambda order: driver.unrequest_frame(),
            do.ShowHud: lambda order: driver.show_hud(order.shown),
            do.AskMenus: lambda order: driver.in_menus(),
            do.AskFinished: lambda order: driver.race_finished(),
            do.AskState: lambda order: driver.state(),
            do.TellState: self._tell_later,
            do.AskInputs: lambda order: driver.inputs(),
            do.Keep: self._kept.append,
            do.Discard: self._discard,
            do.Reconnect: self._reconnect,
            do.Restart: self._start_anew,
            do.Leave: self._leave,
            do.Note: lambda order: note(order.text),
        }

    @property
    def link_is_open(self) -> bool:
        """Whether the game still listens: after a race that was driven it does, unless its end dialog came."""
        return self._is_open

    def play(self) -> Driven | Failed:
        """The race from beginning to end.

        Raises what the sink raises; the game is left then.
        """
        race, driver, clock = self._race, self._driver, self._clock
        try:
            self._perform(race.begin(clock()))
            while race.result is None:
                try:
                    event = driver.wait(max(0.0, race.deadline - clock()))
                    self._holds = True
                except GameSilent:
                    self._perform(race.silent(clock()))
                    continue
                except GameTrouble as error:
                    self._lost(error)
                    continue
                self._perform(race.hear(event, clock()))
                self._answer()
                for kept in self._kept:
                    self._sink.keep(kept)
                self._kept.clear()
            return race.result
        except BaseException:
            driver.close()
            raise

    def _perform(self, orders: Orders) -> None:
        """All orders, each with its reply; a link that breaks meanwhile brings other orders."""
        reply: do.Reply = None
        try:
            while True:
                order = orders.send(reply)
                reply = self._how[type(order)](order)
        except StopIteration:
            return
        except GameTrouble as error:
            orders.close()
            self._lost(error)

    def _lost(self, error: GameTrouble) -> None:
        self._leave()
        self._perform(self._race.lost(error.code, error.message, self._clock()))

    def _answer(self) -> None:
        """Let the game go on, if it was not left meanwhile."""
        if not self._holds:
            return
        self._holds = False
        tells, self._tells = self._tells, False
        try:
            if tells:
                self._race.told(self._driver.answer_and_tell())
            else:
                self._driver.answer()
        except GameTrouble as error:
            self._is_open = False
            if self._race.result is None:
                self._lost(error)

    def _tell_later(self, order: do.TellState) -> None:
        self._tells = True

    def _discard(self, order: do.Discard) -> None:
        self._kept.clear()
        self._sink.discard()

    def _leave(self, order: do.Leave | None = None) -> None:
        self._holds = self._tells = self._is_open = False
        self._driver.close()

    def _reconnect(self, order: do.Reconnect) -> None:
        self._leave()
        self._sleep(order.pause_s)
        self._driver.connect(order.patience_s)
        self._is_open = True
        self._race.reached(self._clock())

    def _start_anew(self, order: do.Restart) -> None:
        self._leave()
        if self._restart is not None:
            self._restart()
        self._driver.connect(order.patience_s)
        self._is_open = True
        self._race.reached(self._clock())

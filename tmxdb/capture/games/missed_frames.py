"""Counts the frames that games missed over all captures of a worker, for the message at the end of its run."""

from __future__ import annotations

import threading

from tmxdb.capture.race.driving.pace import speed_for_all

_FEW = 0.01
"""Share of missed frames up to which no other speed is proposed: a single delay causes them."""


class MissedFrames:
    """Counts the missed frames of the captures of one worker. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._captures = self._missed = self._due = 0
        self._speed: float | None = None
        self._fps = 0

    def add(self, fps: int, speed: float, stored: int, missed: int) -> None:
        """Count a capture that missed frames."""
        with self._lock:
            self._captures += 1
            self._missed += missed
            self._due += stored + missed
            slower = speed_for_all(speed, stored, missed) if missed > _FEW * (stored + missed) else None
            if slower is not None:
                self._speed, self._fps = min(slower, self._speed or slower), fps

    def summary(self, *, adapts: bool) -> str | None:
        """Return what was missed and what to do about it; None if nothing was missed.

        `adapts`: whether the worker slowed the game down by itself.
        """
        with self._lock:
            if not self._captures:
                return None
            captures = "1 capture" if self._captures == 1 else f"{self._captures:,} captures"
            text = f"{self._missed:,} of {self._due:,} due frames were missed in {captures}."
            if self._speed is None:
                return text
            text += f" The game cannot send {self._fps} pictures per second of race time at this speed."
            again = f"Request them with `tmxdb add-captures … --running-speed {self._speed:g}`"
            return f"{text} {again}." if adapts else f"{text} {again}, or slow it down with `tmxdb work --adapt-speed`."

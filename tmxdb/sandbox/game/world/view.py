"""What the window shows, for a screenshot."""

from __future__ import annotations

from collections import deque

from tmxdb.sandbox.game.picture.code import Seen, map_key_of
from tmxdb.sandbox.game.picture.painter import Painter, Scene
from tmxdb.sandbox.game.world.racing import Racing


class View:
    """`hud` and `camera` as they were set last."""

    def __init__(self, lag_ticks: int) -> None:
        self.hud = True
        self.camera = 1
        self._painter = Painter()
        self._lag_ticks = lag_ticks
        self._late: deque[Scene] = deque(maxlen=lag_ticks + 1)

    def ticked(self, racing: Racing) -> None:
        """Remembers what was to be seen, if pictures lag behind."""
        if self._lag_ticks:
            self._late.append(self._scene_of(racing))

    def left_race(self) -> None:
        self._late.clear()

    def race(self, width: int, height: int, racing: Racing) -> bytearray:
        scene = self._late[0] if self._late else self._scene_of(racing)
        return self._painter.paint(width, height, scene)

    def screen(self, width: int, height: int, title: str, uid: str | None, attempt: int) -> bytearray:
        seen = Seen(None, map_key_of(uid) if uid else 0, attempt, self.hud, False, self.camera)
        return self._painter.paint(width, height, Scene(seen, title=title.upper()))

    def _scene_of(self, racing: Racing) -> Scene:
        race, pressed = racing.race, racing.race.pressed
        car = race.car
        ghost = racing.loaded.ghosts[0] if racing.loaded.ghosts else None
        ahead_m = ghost.motion.at(race.tick_ms).driven_m - car.driven_m if ghost else None
        seen = Seen(
            race.race_time_ms, map_key_of(race.course.uid), racing.attempt, self.hud, ghost is not None, self.camera
        )
        steer = pressed.steer / 65536 if pressed.steer else float(pressed.right - pressed.left)
        return Scene(seen, car.speed_kmh, car.driven_m, car.bend, steer, ahead_m)

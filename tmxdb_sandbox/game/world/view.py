"""The contents of the window, for screenshots."""

from __future__ import annotations

from collections import deque

from tmxdb_sandbox.catalogue.draws import fraction
from tmxdb_sandbox.game.picture.code import PictureLabel, map_key_of
from tmxdb_sandbox.game.picture.painter import Painter, Scene
from tmxdb_sandbox.game.settings import GameSettings
from tmxdb_sandbox.game.world.racing import Racing

_FRAMES_PER_S = 100.0


class View:
    """Paints the window. `hud` and `camera` are the last values set."""

    def __init__(self, settings: GameSettings) -> None:
        self.hud = True
        self.camera = 1
        self._painter = Painter(with_code=settings.picture_code)
        self._settings = settings
        self._is_exact = not settings.picture_lag_ticks and not settings.picture_jitter
        self._scenes: deque[Scene] = deque(maxlen=settings.picture_lag_ticks + 2)  # of the last frames, newest first
        self._pictures = 0
        self._credit = 1.0  # pictures that may be sent now

    def rendered(self) -> None:
        """Note that a frame was drawn, after which a picture may be sent again."""
        share = self._settings.pictures_per_s / _FRAMES_PER_S
        self._credit = min(1.0, self._credit) + share

    def may_send_picture(self) -> bool:
        """Return whether this frame has a picture, and count it."""
        if not self._settings.pictures_per_s:
            return True
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        return True

    def ticked(self, racing: Racing) -> None:
        """Store the scene of this frame, if pictures lag behind."""
        if not self._is_exact:
            self._scenes.appendleft(self._scene_of(racing))

    def left_race(self) -> None:
        """Forget the scenes of the race."""
        self._scenes.clear()

    def race(self, width: int, height: int, racing: Racing, *, is_forced: bool = False) -> bytearray:
        """Return a picture of the race. `is_forced`: rendered on request, so it shows the present tick."""
        if is_forced or self._is_exact or not self._scenes:
            return self._painter.paint(width, height, self._scene_of(racing))
        self._pictures += 1
        is_older = fraction(self._settings.seed, "jitter", self._pictures) < self._settings.picture_jitter
        age = min(self._settings.picture_lag_ticks + is_older, len(self._scenes) - 1)
        return self._painter.paint(width, height, self._scenes[age])

    def screen(self, width: int, height: int, title: str, uid: str | None, attempt: int) -> bytearray:
        """Return a picture of a screen without a race."""
        label = PictureLabel(None, map_key_of(uid) if uid else 0, attempt, self.hud, False, self.camera)
        return self._painter.paint(width, height, Scene(label, title=title.upper()))

    def _scene_of(self, racing: Racing) -> Scene:
        race, pressed = racing.race, racing.race.pressed
        car = race.car
        ghost = racing.loaded.ghosts[0] if racing.loaded.ghosts else None
        ahead_m = ghost.motion.at(race.tick_ms).distance_m - car.distance_m if ghost else None
        label = PictureLabel(
            race.race_time_ms, map_key_of(race.course.uid), racing.attempt, self.hud, ghost is not None, self.camera
        )
        steer = pressed.steer / 65536 if pressed.steer else float(pressed.right - pressed.left)
        return Scene(label, car.speed_kmh, car.distance_m, car.curve, steer, ahead_m)

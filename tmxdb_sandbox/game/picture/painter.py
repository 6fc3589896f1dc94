"""Paint the view of a camera behind the car, row by row from prepared strips, because slices copy fast."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tmxdb_sandbox.game.picture.code import PictureLabel, draw_code
from tmxdb_sandbox.game.picture.letters import HEIGHT, spans, width_of

_STRIPE_M = 8.0
_CAMERA_M = 6.0  # from the camera to the lower edge of the picture, along the road
_HUD_WIDTH = 96  # narrower pictures have no letters

Colour = tuple[int, int, int]  # blue, green, red
_SKY_HIGH, _SKY_LOW = (214, 150, 90), (245, 225, 190)
_GRASS = ((70, 150, 80), (62, 138, 72))
_ROAD = ((96, 92, 90), (104, 100, 98))
_KERB = ((60, 60, 210), (235, 235, 235))
_LINE = (235, 235, 235)
_CAR, _GHOST, _GLASS, _TYRE = (40, 70, 225), (225, 190, 120), (90, 60, 40), (25, 25, 25)
_LETTER, _SHADE = (255, 255, 255), (30, 30, 30)


@dataclass(frozen=True)
class Scene:
    """What to paint. `title`: the text of a screen without a race."""

    label: PictureLabel
    speed_kmh: float = 0.0
    distance_m: float = 0.0
    curve: float = 0.0
    steer: float = 0.0
    ghost_ahead_m: float | None = None
    title: str = ""


def _dot(colour: Colour) -> bytes:
    return bytes([*colour, 0])  # the last byte is alpha, which is meaningless in the game too


class Painter:
    """Paints scenes. Caches the strips of the last size."""

    def __init__(self, *, with_code: bool = True) -> None:
        """`with_code`: draw the cells that say what a picture shows."""
        self._with_code = with_code
        self._size = (0, 0)

    def paint(self, width: int, height: int, scene: Scene) -> bytearray:
        """Return B, G, R, A pixels, top row first."""
        if (width, height) != self._size:
            self._make_strips(width, height)
        pixels = bytearray(self._empty)
        if scene.title:
            self._write(pixels, scene.title, 0.5, 0.5)
        else:
            self._draw_road(pixels, scene)
            if scene.ghost_ahead_m is not None and 0 < scene.ghost_ahead_m < 80:
                self._draw_car(pixels, scene, scene.ghost_ahead_m, _GHOST)
            self._draw_car(pixels, scene, 0.0, _CAR)
            if scene.label.hud:
                self._draw_hud(pixels, scene)
        if self._with_code:
            draw_code(pixels, width, height, scene.label)
        return pixels

    def _make_strips(self, width: int, height: int) -> None:
        self._size = width, height
        self._horizon = int(height * 0.45)
        sky = [_dot(_mixed(_SKY_HIGH, _SKY_LOW, row / max(1, self._horizon))) * width for row in range(self._horizon)]
        self._grass = [_dot(colour) * width for colour in _GRASS]
        self._empty = b"".join(sky) + self._grass[0] * (height - self._horizon)
        self._road = [_dot(colour) * width for colour in _ROAD]
        self._kerb = [_dot(colour) * width for colour in _KERB]
        self._line = _dot(_LINE) * width
        # Distance of the ground in each row, from the row's distance to the horizon.
        self._distances_m = [
            _CAMERA_M / ((row + 1) / (height - self._horizon)) for row in range(height - self._horizon)
        ]

    def _draw_road(self, pixels: bytearray, scene: Scene) -> None:
        width, height = self._size
        stride, half = width * 4, height - self._horizon
        for row, far_m in enumerate(self._distances_m):
            stripe = int((scene.distance_m + far_m) / _STRIPE_M) & 1
            near = (row + 1) / half
            middle = self._middle(scene, near)
            reach = 0.48 * width * near
            kerb = reach * 1.12
            at = (self._horizon + row) * stride
            if stripe:
                pixels[at : at + stride] = self._grass[1]
            self._strip(pixels, at, middle - kerb, middle + kerb, self._kerb[stripe])
            self._strip(pixels, at, middle - reach, middle + reach, self._road[stripe])
            if stripe:
                self._strip(pixels, at, middle - reach / 30, middle + reach / 30, self._line)

    def _middle(self, scene: Scene, near: float) -> float:
        """Return the middle of the road at `near`: 0 at the horizon, 1 at the lower edge."""
        return self._size[0] * (0.5 + 0.55 * max(-1.2, min(1.2, scene.curve)) * (1 - near) ** 2)

    def _strip(self, pixels: bytearray, at: int, left: float, right: float, strip: bytes) -> None:
        begin, end = max(0, int(left)), min(self._size[0], int(right) + 1)
        if begin < end:
            pixels[at + begin * 4 : at + end * 4] = strip[: (end - begin) * 4]

    def _box(self, pixels: bytearray, left: float, top: float, right: float, bottom: float, strip: bytes) -> None:
        stride = self._size[0] * 4
        for row in range(max(0, int(top)), min(self._size[1], int(bottom))):
            self._strip(pixels, row * stride, left, right, strip)

    def _draw_car(self, pixels: bytearray, scene: Scene, ahead_m: float, colour: Colour) -> None:
        width, height = self._size
        near = 0.8 * 10 / (10 + ahead_m)
        size = width * 0.13 * near
        middle = self._middle(scene, near) + size * 0.15 * scene.steer
        ground = self._horizon + (height - self._horizon) * near
        paint, glass, tyre = (_dot(one) * width for one in (colour, _GLASS, _TYRE))
        self._box(pixels, middle - size, ground - size * 0.5, middle - size * 0.6, ground, tyre)
        self._box(pixels, middle + size * 0.6, ground - size * 0.5, middle + size, ground, tyre)
        self._box(pixels, middle - size * 0.75, ground - size * 0.7, middle + size * 0.75, ground - size * 0.2, paint)
        self._box(pixels, middle - size * 0.45, ground - size * 1.05, middle + size * 0.45, ground - size * 0.7, glass)
        self._box(pixels, middle - size, ground - size * 1.15, middle + size, ground - size * 1.02, paint)

    def _draw_hud(self, pixels: bytearray, scene: Scene) -> None:
        time_ms = scene.label.race_time_ms or 0
        sign, ms = "-" if time_ms < 0 else "", abs(time_ms)
        clock = f"{sign}{ms // 60_000}:{ms // 1000 % 60:02d}.{ms % 1000 // 10:02d}"
        self._write(pixels, clock, 0.5, 0.93)
        self._write(pixels, f"{scene.speed_kmh:.0f}", 0.88, 0.93)

    def _write(self, pixels: bytearray, text: str, x: float, y: float) -> None:
        """Write text centred at a point given as fractions of the picture."""
        width, height = self._size
        if width < _HUD_WIDTH:
            return
        point = max(1, width // 160)
        left = width * x - width_of(text) * point / 2
        top = height * y - HEIGHT * point / 2
        for shift, colour in ((point / 2, _SHADE), (0.0, _LETTER)):
            strip = _dot(colour) * width
            for row, begin, end in spans(text):
                self._box(
                    pixels,
                    left + begin * point + shift,
                    top + row * point + shift,
                    left + end * point + shift - 1,
                    top + (row + 1) * point + shift,
                    strip,
                )


def _mixed(one: Colour, other: Colour, part: float) -> Colour:
    smooth = part * part * (3 - 2 * part)
    blue, green, red = (math.floor(a + (b - a) * smooth) for a, b in zip(one, other, strict=True))
    return blue, green, red

"""Names on pictures: in a font that has their characters, else in base letters; never as empty boxes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests import needs
from tmxdb.pictures import picture_text
from tmxdb.pictures.picture_text import fitted_text, plain_font

DRAW = ImageDraw.Draw(Image.new("RGB", (10, 10)))


@pytest.fixture
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_text, "FONTS", ())


@pytest.mark.usefixtures("no_fonts")
@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("ann 12", "ann 12"),
        ("Jörg é", "Jorg e"),
        ("Ａnn", "Ann"),
        ("你 Дима ★", "? ???? ?"),
        ("a\nb\x1b[0m", "a b [0m"),
    ],
)
def test_a_character_without_a_glyph_becomes_its_base_letters(name: str, drawn: str) -> None:
    text, font = fitted_text(DRAW, name, 14, 1000)
    assert (text, font) == (drawn, plain_font(14))


@pytest.mark.usefixtures("no_fonts")
@pytest.mark.parametrize("width", [0, 5, 40, 100])
def test_a_long_name_is_cut_to_its_room(width: int) -> None:
    text, font = fitted_text(DRAW, "a very long name of a driver", 14, width)
    assert DRAW.textlength(text, font=font) <= width
    assert text.endswith("…") or width < 20


def test_a_font_that_has_the_characters_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    fonts = Path(needs.module("matplotlib").get_data_path()) / "fonts/ttf"
    monkeypatch.setattr(picture_text, "FONTS", ("no such font.ttf", str(fonts / "DejaVuSans.ttf")))
    text, font = fitted_text(DRAW, "Дима Jörg ★ 你", 14, 1000)
    assert text == "Дима Jörg ★ ?"
    assert font.getname()[0] == "DejaVu Sans"
    assert fitted_text(DRAW, "ann", 14, 1000)[1] == plain_font(14)


@pytest.mark.usefixtures("no_fonts")
def test_what_is_drawn_for_a_missing_character_is_no_box() -> None:
    def picture(text: str) -> bytes:
        image = Image.new("L", (60, 20))
        ImageDraw.Draw(image).text((0, 0), text, fill=255, font=plain_font(14))
        return image.tobytes()

    text, _ = fitted_text(DRAW, "Д", 14, 1000)
    assert picture(text) == picture("?") != picture("Д")

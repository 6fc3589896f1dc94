"""Letters of 3x5 points for the HUD."""

from __future__ import annotations

from functools import lru_cache

HEIGHT = 5
# Five rows of three points, each row as a digit: 4 is the left point, 2 the middle one, 1 the right one.
_LETTERS = {
    "0": "75557", "1": "26227", "2": "71747", "3": "71717", "4": "55711", "5": "74717", "6": "74757", "7": "71122",
    "8": "75757", "9": "75717", ":": "02020", ".": "00002", "-": "00700", "/": "11244", "A": "25755", "C": "74447",
    "D": "65556", "E": "74647", "G": "74557", "H": "55755", "I": "72227", "K": "55655", "L": "44447", "M": "57755",
    "N": "75555", "O": "75557", "P": "75744", "R": "65655", "S": "74717", "T": "72222", "U": "55557", " ": "00000",
}  # fmt: skip


@lru_cache(maxsize=512)
def spans(text: str) -> tuple[tuple[int, int, int], ...]:
    """Return (row, begin, end) of each stretch of points, from the upper left corner."""
    found: list[tuple[int, int, int]] = []
    for index, letter in enumerate(text):
        for row, digit in enumerate(_LETTERS.get(letter, "00000")):
            for column in range(3):
                if int(digit) >> (2 - column) & 1:
                    found.append((row, 4 * index + column, 4 * index + column + 1))
    return tuple(found)


def width_of(text: str) -> int:
    """Return the width in points."""
    return 4 * len(text) - 1

"""Ordinary names, and names that break careless clients."""

from __future__ import annotations

from tmxdb_sandbox.catalogue.draws import pick

# fmt: off
_FIRST = (
    "Mini", "Speed", "Tech", "Lost", "Neon", "Grass", "Night", "Sky", "Dirt", "Full", "Half", "Silent", "Rusty",
    "Turbo", "Frozen", "Magic", "Short", "Crazy", "Old", "Dark", "Golden", "Broken", "Little", "Fast", "Hidden",
    "Endless", "Red", "Blue", "Final", "Wet", "Lunar", "Solar", "Electric", "Sleepy", "Angry", "Smooth", "Pure",
)
_SECOND = (
    "Race", "Dream", "Obstacle", "Drift", "Loop", "Tunnel", "Valley", "Ride", "Tech", "Storm", "Arena", "Corner",
    "Hill", "Garden", "Rush", "Wall", "Bridge", "Path", "Factory", "Spiral", "Circuit", "Jump", "Flow", "Trial",
    "Maze", "Line", "Park", "Express", "Canyon", "Spirit", "Paradise", "Challenge", "Endurance",
)
_LOGIN = (
    "ace", "blaze", "corn", "dodo", "eagle", "fox", "gepard", "hexa", "iron", "jolt", "kira", "lynx", "moss",
    "nova", "orca", "pixel", "quark", "rafa", "sly", "tux",
)
# fmt: on

# Each was seen on an exchange or breaks a careless client: paths, reserved file names, `$` codes, control and escape
# characters, quotes, markup, SQL, other alphabets, length.
HOSTILE_NAMES = (
    "../../../../etc/passwd",
    "..\\..\\Windows\\system32\\evil",
    "[PF] Ph/\\ntom Fake",
    "CON",
    "nul.Replay.Gbx",
    "aux:stream",
    "trailing dot. ",
    "",
    " ",
    "$f00$oRed $$ $h[http://x.invalid]link$h $zend $",
    "tab\tand\nnew\r\nline",
    "bell\a null\0 escape\x1b[2J\x1b]0;title\x07",
    "C1 \x9b31m and del \x7f",
    "'; DROP TABLE tracks; --",
    "quote \" and ` and ' and %s {0} $(id) `id`",
    "<script>alert(1)</script>&amp;<!--",
    "=1+1;@SUM(A1)",
    "x" * 4000,
    "\u202egnol thgir ot tfel\u202c \u200f\u05e9\u05dc\u05d5\u05dd",
    "🏎️ 🇫🇷 👩‍👩‍👧 Z͑ͫ̓a̴l̷g̸o",
    "BOM \ufeff and \ufffd and \u2028 line",
    "日本語 Трасса Straße",
    "--limit",
    "-rf",
    "NULL",
    "0x1F",
    "1e309",
)


def track_name(draw_a: int, draw_b: int, draw_c: int) -> str:
    """Return an ordinary track name in one of the styles seen on the site."""
    first, second = pick(_FIRST, draw_a), pick(_SECOND, draw_b)
    style = draw_c & 7
    if style == 0:
        return f"$0f0{first}$fff {second}"
    if style == 1:
        return f"[{first[:2].upper()}] {second} #{draw_c >> 8}"
    if style == 2:
        return f"{first}{second}_{draw_c >> 6}"
    if style == 3:
        return f"{'ABCDE'[draw_a % 5]}{1 + draw_b % 15:02}-{second}"
    return f"{first} {second}"


def user_names(number: int, draw_a: int, draw_b: int) -> tuple[str, str, str]:
    """Return (website name, game login, game nickname) of one driver."""
    word, other = pick(_LOGIN, draw_a), pick(_LOGIN, draw_b)
    login = f"{word}_{other}{number}"
    return (
        f"{word.capitalize()}{other}{number}",
        login,
        f"$i$08f{word.capitalize()}$fff.{other}{number % 100}",
    )

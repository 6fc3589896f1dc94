"""Which game wrote a file, and what kinds of maps there are.

The names are those that the community uses for the games and their file versions.
"""

from __future__ import annotations

from .xml import attribute

TM1, TMPU, TMS, TMO = "TM1.0", "TMPU", "TMS", "TMO"
TMNESWC, TMU, TMF = "TMNESWC", "TMU", "TMF"
MANIAPLANET, TM2020 = "ManiaPlanet", "TM2020"

TM2020_STADIUM = "#26"
"""Its one environment, which it stores by number."""

MAP_TYPES = {0: "race", 1: "platform", 2: "puzzle", 3: "crazy", 4: "shortcut", 5: "stunts"}
"""What is to be done on a map, by its number in the file. Source: GBX.NET `CGameCtnChallenge.PlayMode`."""


def game_of_environment(environment: str | None) -> str | None:
    """Sunrise, Original and Nations ESWC write the same versions, but have no environment in common."""
    if environment in ("Island", "Coast", "Bay"):
        return TMS
    if environment in ("Speed", "Alpine", "Rally"):
        return TMO
    return TMNESWC if environment == "Stadium" else None


def game_of_version(exe_version: str | None) -> str | None:
    """The game whose version text this is, as it stands in ghosts; older ones than United leave none there."""
    for begin, game in (("TmForever", TMF), ("TmUnited", TMU), ("Trackmania date=", TM2020)):
        if exe_version and exe_version.startswith(begin):
            return game
    return None


def later_game(xml: str | None) -> str:
    """ManiaPlanet (or Turbo), or the Trackmania of 2020, whose builds carry their date."""
    build = attribute(xml, "header", "exebuild") or ""
    return TM2020 if build >= "2020" else MANIAPLANET


def not_supported(game: str | None) -> tuple[str, ...]:
    """A note about a game of which only what it has in common with the classic ones is read."""
    return (f"not supported: {game}, beyond what is given",) if game in (MANIAPLANET, TM2020) else ()

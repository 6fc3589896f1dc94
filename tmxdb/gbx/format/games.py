"""Which game wrote a file, and the types of maps.

The names of the games are those that the community uses for them and for their file versions.
"""

from __future__ import annotations

from tmxdb.gbx.format.xml import attribute

TM1, TMPU, TMS, TMO = "TM1.0", "TMPU", "TMS", "TMO"
TMNESWC, TMU, TMF = "TMNESWC", "TMU", "TMF"
MANIAPLANET, TM2020 = "ManiaPlanet", "TM2020"

TM2020_STADIUM = "#26"
"""The environment of TM2020, which is stored by number."""

_MANIAPLANET_TITLES = "@nadeolabs"  # TMTurbo@nadeolabs, TMCE@nadeolabs; TM2020 has titles such as TMStadium
_PLACEHOLDER_BUILD = "2050"  # builds of Turbo and ManiaPlanet can be dated 2050-01-01

MAP_TYPES = {0: "race", 1: "platform", 2: "puzzle", 3: "crazy", 4: "shortcut", 5: "stunts"}
"""Map types by their number in the file: docs/facts/gbx.md#map-header. 3 and 4: GBX.NET `PlayMode`."""


def game_of_environment(environment: str | None) -> str | None:
    """Return the game that has `environment`, among Sunrise, Original and Nations ESWC.

    The three write the same file versions but have no environment in common.
    """
    if environment in ("Island", "Coast", "Bay"):
        return TMS
    if environment in ("Speed", "Alpine", "Rally"):
        return TMO
    return TMNESWC if environment == "Stadium" else None


def game_of_version(exe_version: str | None) -> str | None:
    """Return the game that writes this version text into ghosts; games before United write none."""
    for prefix, game in (("TmForever", TMF), ("TmUnited", TMU), ("Trackmania date=", TM2020)):
        if exe_version and exe_version.startswith(prefix):
            return game
    return MANIAPLANET if exe_version and "date=" in exe_version else None


def later_game(xml: str | None, environment: str | None) -> str:
    """Return TM2020 or ManiaPlanet (which includes Turbo): docs/facts/gbx.md#versions-and-dates."""
    if environment == TM2020_STADIUM:
        return TM2020
    if (attribute(xml, "header", "title") or "").endswith(_MANIAPLANET_TITLES):
        return MANIAPLANET
    build = attribute(xml, "header", "exebuild") or ""
    return TM2020 if "2020" <= build < _PLACEHOLDER_BUILD else MANIAPLANET


def not_supported(game: str | None) -> tuple[str, ...]:
    """Return a note for games of which only the parts they share with the classic games are read."""
    return (f"not supported: {game}, beyond what is given",) if game in (MANIAPLANET, TM2020) else ()

"""Environment variables: only what belongs to an installation has one. Everything else is typed or in the database."""

from __future__ import annotations

ENVIRONMENT: dict[str, tuple[str, ...]] = {
    "--db": ("TMXDB_DB",),
    "--data": ("TMXDB_DATA",),
    "--site": ("TMXDB_SITE",),
    "--contact": ("TMXDB_CONTACT",),
    "--rate": ("TMXDB_RATE",),
    "--trackmania-path": ("TMXDB_TRACKMANIA_PATH", "TRACKMANIA_BASE_PATH"),
    "--tminterface-path": ("TMXDB_TMINTERFACE_PATH", "TMINTERFACE_PATH"),
    "--base-tmi-port": ("TMXDB_BASE_TMI_PORT", "BASE_TMI_PORT"),
    "--game-path": ("TMXDB_GAME_PATH",),
    "--tmloader-path": ("TMXDB_TMLOADER_PATH", "WINDOWS_TMLOADER_PATH"),
    "--tmloader-profile": ("TMXDB_TMLOADER_PROFILE", "WINDOWS_TMLOADER_PROFILE_NAME"),
    "--launch-script": ("TMXDB_LAUNCH_SCRIPT", "LINUX_LAUNCH_GAME_PATH"),
}
"""Option to its variables. The first is tmxdb's own name; the second is what older capture scripts used in `.env`."""

VARIABLES = frozenset(name for names in ENVIRONMENT.values() for name in names)
"""Every variable that tmxdb reads. A `.env` file can set these and no others."""

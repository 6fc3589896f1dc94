"""What nobody has established about the game yet, and what was chosen meanwhile: one place to look at with a real game.

Letters in brackets are sections of the TMInterface fact sheet; where it is silent the race accepts whatever comes, and
only these numbers and words decide. Times are of the wall unless they end in `_ms`.
"""

from __future__ import annotations

VARIABLES = (
    "skip_map_load_screens true",  # else "press any key": no run step ever (g)
    "disable_forced_camera true",  # against MediaTracker cameras and intros (d)
    "countdown_speed 1",  # a fast countdown can skip the tick of the first input (d)
    "use_valseed false",  # true randomises the start (d)
    "autorewind false",  # both restart runs and can suppress the finish (d)
    "autorewind_nofinish false",
    "execute_commands true",  # lets a script inject its inputs (d)
    "unfocused_fps_limit false",  # windows in the background are captured, too (d)
    "auto_reload_plugins false",
)
"""Set in the menus. Commands of one frame run last in, first out on 2.2.1 (d): none of them needs another one."""

SMALL_FRAME = (16, 16)
"""Asked for only to know that the game has rendered, and so has run the commands before it (d, "order" 3)."""

RESPONSE_TIMEOUT_MS = 5000
"""How long the game stands still when our process dies (a, "timeouts")."""

GREETING_S = 10.0
"""From connecting to the first event; a game that loads a map accepts nobody meanwhile (a)."""
START_UP_S = 90.0
"""The same while a game starts: "may take a minute" ("order" 1)."""
CONNECT_S = 15.0
"""How long a running game may not be reached; longer than RESPONSE_TIMEOUT_MS, which freezes it (a)."""
LOADING_S = 25.0
"""From `map` to the first step; "up to ~20 s" (d), "no step within ~25 s" (g)."""
LONGEST_INTRO_S = 60.0
"""A known intro is waited for so long besides, in case that it plays in spite of the variables (g)."""
ARMING_S = 10.0
COUNTDOWN_S = 20.0
RACING_S = 20.0
"""Without a step: "20 s of silence" (g)."""
RACE_S = 300.0
"""For everything around a race, its own time at its own speed not counted (g)."""

FROZEN_STEPS = 3
"""Steps with the race clock frozen in which the frame of the finish may still come. That its race time is that of the
finish is certain; that the car is still on the line is not, for the physics go on: its state says where it is."""
ENDING_S = 6.0
"""Without a step where the next one should be the finish: then the end dialog has come without any (g)."""
EXIT_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""After `exit_map`, before the next look whether that led to the menus: it runs in a later frame (d). That it works in
an intro and in an end dialog is not established: after the last one the game is restarted."""

PARKED_CHECK_MS = 2000
"""By then a car stands still only if its script does not reach it (g)."""
PARKED_KMH = 1.0
PARKED_TRIES = 3
RESTARTS = 5
"""So often the race clock may jump back (a user, autorewind) before the replay is given up (g)."""
RECONNECTS = 3
"""So often a broken or silent link is made anew within one replay, before the game is restarted."""
NOT_STARTED = 2
"""So often a map may not begin, before the game is restarted: it knows only maps that were there at its start (d)."""
GUARD_MS, GUARD_PART = 5000, 0.2
"""Driven so much longer than the replay, it will not finish any more (g, "desync")."""
START_M = 20.0
"""A car that begins so far from where the ghost began is on another map."""
STEP_MS = 10
"""On-step period: with it a frame shows the last step before it; with a larger one nobody knows (a, "frames")."""
INPUTS_SHIFT_MS = 0
"""What the times that the game says back are ahead of those of the script. Not established."""

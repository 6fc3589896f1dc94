"""Assumptions about the game where no source says what it does. Check these first with a real game.

Each entry links the section of `docs/facts/tminterface.md` that it follows or leaves open. The race accepts
either behaviour wherever it can; only these numbers and words decide. Times are wall time unless they end in `_ms`.
"""

from __future__ import annotations

VARIABLES = (
    "skip_map_load_screens true",  # otherwise "press any key" waits and no step comes
    "disable_forced_camera true",  # against MediaTracker cameras and intros
    "countdown_speed 1",  # a fast countdown can skip the tick of the first input
    "use_valseed false",  # true makes the start random
    "autorewind false",  # both restart runs and can suppress the finish
    "autorewind_nofinish false",
    "execute_commands true",  # lets a script inject its inputs
    "unfocused_fps_limit false",  # windows in the background are captured too
    "auto_reload_plugins false",
)
"""Console variables set in the menus: docs/facts/tminterface.md#console.

Assumed: they take effect before the map that is requested in the same rendered frame begins. Commands queued in one
frame ran last in, first out on 2.2.1, so none of these depends on another.
"""

SMALL_FRAME = (16, 16)
"""Requested only to learn that the game has rendered, and so has run the commands queued before it:
docs/facts/tminterface.md#order-of-calls, step 3."""

RESPONSE_TIMEOUT_MS = 10_100
"""How long the game waits for an answer, and stands still when this process dies. That of Linesight: half of it is too
short on a busy machine (docs/facts/tminterface.md#timeouts-and-connections)."""

GREETING_S = 10.0
"""From connecting to the first event. A game that loads a map accepts no connection meanwhile:
docs/facts/tminterface.md#timeouts-and-connections."""
START_UP_S = 90.0
"""The same while the game starts, which may take a minute: docs/facts/tminterface.md#order-of-calls, step 1."""
CONNECT_S = 20.0
"""How long to keep trying to connect to a running game. Longer than RESPONSE_TIMEOUT_MS, which freezes the game:
docs/facts/tminterface.md#timeouts-and-connections."""
MAX_RACE_S = 3 * 3600
"""The longest race time of a replay to drive. A damaged file may claim weeks, and would hold a game that long."""
LOADING_S = 25.0
"""From `map` to the first step. `map` takes up to 20 s (docs/facts/tminterface.md#console), and a race without a step
in 25 s has not started (docs/facts/tminterface.md#problems)."""
PRESS_EVERY_S = 4.0
"""With --press-enter: how long a map may take before Enter is pressed, and between presses. Not established: that the
screens before a race take it from the desktop; `press` of the console does nothing there
(docs/facts/tminterface.md#problems)."""
MAX_INTRO_S = 60.0
"""Upper limit of the extra wait for an intro of known length, in case it plays in spite of the variables:
docs/facts/tminterface.md#problems."""
ARMING_S = 10.0
COUNTDOWN_S = 20.0
RACING_S = 20.0
"""Longest time without a step: docs/facts/tminterface.md#problems."""
RACE_S = 300.0
"""For everything around a race, not counting the race itself at its speed: docs/facts/tminterface.md#problems."""

FROZEN_STEPS = 3
"""Steps with a frozen race clock in which the frame of the finish may still arrive:
docs/facts/tminterface.md#run-steps.

The race time of such a frame is that of the finish. The car may be past the line, because the physics continue: the
state stored with the frame says where it is.
"""
ENDING_S = 6.0
"""Longest time without a step where the next one should be the finish. After it the end dialog is assumed to have come
without one: docs/facts/tminterface.md#problems."""
EXIT_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""Waits after each `exit_map` before checking for the menus; it runs in a later rendered frame.

Not established: that `exit_map` works in an intro and in the end dialog (docs/facts/tminterface.md#not-established).
After the last wait the game is restarted.
"""

PARKED_CHECK_MS = 2000
"""Race time by which a car that still stands has not received its script: docs/facts/tminterface.md#problems."""
PARKED_KMH = 1.0
PARKED_TRIES = 3
RESTARTS = 5
"""How many times the race clock may jump back (a user, autorewind) before the capture fails:
docs/facts/tminterface.md#problems."""
RECONNECTS = 3
"""How many times a broken or silent connection is opened again within one capture before the game is restarted."""
NOT_STARTED = 2
"""How many times a map may fail to start before the game is restarted. The game may know only the maps that existed
when it started: docs/facts/tminterface.md#console."""
MISSES_TO_STOP = 5
"""Missed frames after which a race whose speed may be adapted is stopped and driven again, slower."""
GUARD_MS, GUARD_PART = 5000, 0.2
"""A race that lasts this much longer than the replay (the larger of both) will not finish: a desync, see
docs/facts/tminterface.md#problems."""
START_M = 20.0
"""A car that starts farther than this from the start of the ghost is on another map."""
STEP_MS = 10
"""On-step period. With it, a frame shows the last step before it; with a larger one its tick is unknown:
docs/facts/tminterface.md#frames."""
SCRIPT_BEING_PROCESSED = -2
"""The reply of TmxdbLink while `IsFullyProcessed` of a script from a text is false. A script that the game does not
confirm, or with which the car stands still, is loaded from its file: docs/facts/tminterface.md#not-established."""
INPUTS_SHIFT_MS = 0
"""How far the times of the inputs that the game reports are ahead of those of the script. Not established."""

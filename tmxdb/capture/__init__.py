"""One replay into one folder of labelled frames. No database: `kinds/captures/capture.py` passes task, game and folder.

`settings.py` and `frame_plan.py` say which frames are due, `replay_script.py` reads the run to drive from a replay,
`race/` is the race as a state machine, `games/` the games of a worker, and `output/` what is written.
"""

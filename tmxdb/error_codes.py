"""Every error code that tmxdb raises, for commands that take a code. `failure_policy.py` says what each of them does.

A row may have another code: one that an older tmxdb stored.
"""

from __future__ import annotations

_FAMILIES = {
    "tmx": """bad_request connection cut empty empty_page endless_list forbidden gone html no_leaderboard outage
        page_again redirect refused throttled timeout too_large unavailable unexpected_file unexpected_status
        unreachable wrong_body wrong_file wrong_json""",
    "gbx": """corrupt lzo no_inputs no_map no_pygbx no_thumbnail not_gbx too_large truncated unsupported
        wrong_class""",
    "local": "missing no_map",
    "game": """autosave_busy bad_pictures bad_state folder_busy gone map_waits no_end no_focus no_frames no_start
        no_state no_window none_running nonsense screen silent stuck trouble unreachable waiting window_covered
        window_minimised window_small window_unknown windows""",
    "capture": """damaged map_did_not_start map_name no_inputs no_map no_replay not_finished other_map parked
        restarted settings too_long took_too_long wrong_map""",
    "export": "damaged",
    "disk": "failed full in_use locked missing moved not_a_file path read_only swept too_many_files unreadable",
    "db": """broken busy changing conflict copy copy_differs deadlock disk driver encoding folder foreign half_copy
        missing newer older other_site permission read_only refused replaced schema trouble unfit unreachable unwritable
        url""",
    "host": "exhausted files memory threads",
    "input": """adopt at_work bad busy capture_settings certificates code column command contact database display
        dotenv exists extra file form format fps frame_source game_folder ids in_use launch log_file many mixed
        name no_data no_export no_file no_files no_folder no_frames no_game no_inputs no_line no_replay no_row
        no_rows no_samples no_worker not_a_file not_a_folder not_captured not_empty not_here nothing other_copy
        other_export other_map other_site out output package parameter path pictures port proxy same script selection
        setting site size split sql step store table template there time too_large too_many two_replays unknown
        unreadable usage vcp""",
    "user": "must_act released skipped",
    "worker": "claim_lost died paused stopping",
    "demo": "failed",
    "tmxdb": "bug",
}
CODES = frozenset(f"{family}.{word}" for family, words in _FAMILIES.items() for word in words.split())
FAMILIES = frozenset(f"{family}.*" for family in _FAMILIES)
"""`gbx.*` stands for every code that begins with `gbx.`, as in the failure policy."""

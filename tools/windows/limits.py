"""Failures that Wine causes, not Windows: which tests, and why. Each reason is shown in the table of results."""

from __future__ import annotations

import re

LIMITS: dict[str, str] = {
    r"file of trusted certificates cannot be read|its certificate cannot be trusted": (
        "Wine 8 cannot check certificates against a list (CertCreateCertificateChainEngine: invalid parameter)"
    ),
    r"test_each_wrong_(answer|response)_is_recognised\w+\[(reset|refuse)\b": (
        "Wine 8 shows a reset connection as closed to programs that poll, such as libcurl"
    ),
    r"More data available": "Wine 8 cannot resolve links in paths of more than 259 characters (ERROR_MORE_DATA)",
    r"test_the_process_that_listens_is_found|test_a_game_with_tmxdbs_plugin_proves_its_folders_and_process": (
        "Wine 8 does not say which process listens on a port (GetExtendedTcpTable: process 0)"
    ),
    r"WinError 1359": "Wine 8 now and then fails to start a process (ERROR_INTERNAL_ERROR), mostly on a busy machine",
}
"""Patterns of a test with its error (`tests/folder/test_file.py::test_name: message`), and what Wine does not do."""

LEFT_OUT: dict[str, str] = {
    "tests/queue/sharing/test_lock_holder.py::test_a_stopped_worker_is_named_where_the_system_lists_no_locks": (
        "Wine 8 shows suspended processes as running"
    ),
}
"""Tests that are not run, because they would wait for what Wine does not do until they are ended."""


def reason_for(test: str, message: str) -> str | None:
    """Return why `test` cannot pass under Wine, or None if it should."""
    return next((reason for pattern, reason in LIMITS.items() if re.search(pattern, f"{test}: {message}")), None)

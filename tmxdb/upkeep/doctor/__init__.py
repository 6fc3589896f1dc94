"""`tmxdb doctor`: one look at everything, each finding with the command that fixes it.

A new check is a function from `Examined` to findings, and one line in `CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tmxdb.upkeep.doctor import database_checks, machine_checks, site_checks, work_checks
from tmxdb.upkeep.doctor.finding import OK, PROBLEM, DoctorFinding, Examined

Check = Callable[[Examined], Iterable[DoctorFinding]]
CHECKS: dict[str, Check] = {
    "versions": machine_checks.versions,
    "settings": machine_checks.settings,
    "database": database_checks.database,
    "integrity": database_checks.integrity,
    "log": database_checks.write_ahead_log,
    "data folder": machine_checks.data_folder,
    "disk": machine_checks.disk,
    "certificates": site_checks.certificates,
    "site": site_checks.site,
    "pause": site_checks.pause,
    "workers": work_checks.workers,
    "clock": work_checks.clocks,
    "paused kinds": work_checks.paused_kinds,
    "failures": work_checks.failures,
    "verify": work_checks.verification,
    "game": machine_checks.game,
}
"""By name, in the order in which they run and are printed."""


def examine(examined: Examined, checks: dict[str, Check] = CHECKS) -> Iterator[DoctorFinding]:
    """Yield what each check finds. A check that fails is a finding, too: no check ends the others."""
    for name, check in checks.items():
        try:
            findings = [*check(examined)]
        except Exception as error:  # noqa: BLE001  # the other checks may show why
            text = " ".join(str(error).split()) or type(error).__name__
            findings = [DoctorFinding(PROBLEM, f"this check failed: {text}", "tmxdb -v doctor", check=name)]
        for finding in findings or [DoctorFinding(OK, "nothing to report")]:
            yield finding.of(name)

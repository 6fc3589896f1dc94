"""Requests to end, raised in this process: also signals that tests cannot send from outside."""

from __future__ import annotations

import signal

import pytest

from tmxdb.cli.shared.signals import stop_signals

# SIGBREAK: Ctrl-Break, and a closed console of Windows. SIGHUP: a closed terminal elsewhere.
NUMBERS = [number for name in ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP") if (number := getattr(signal, name, None))]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_the_first_signal_stops_and_ctrl_c_after_it_stops_immediately(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmxdb.cli.shared.signals._leave_terminal", lambda: None)
    before = signal.getsignal(number)
    with stop_signals() as stopping:
        said: list[str] = []
        stopping.say = said.append
        signal.raise_signal(number)
        assert stopping.stop.wait(60)  # Python runs handlers between two instructions, on Windows a little later
        if number.name in ("SIGTERM", "SIGHUP"):  # systemd and the process that started this one may both send it
            signal.raise_signal(number)
            signal.raise_signal(number)
        assert not stopping.now.is_set()
        signal.raise_signal(signal.SIGINT)
        assert stopping.now.wait(60)
        assert said == ["Stopping. Press Ctrl-C again to stop immediately."]
    assert signal.getsignal(number) is before

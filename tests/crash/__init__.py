"""The whole chain under SIGKILL and a failing site: for `tests/e2e/test_crash.py` and, for hours, `bench/crash.py`."""

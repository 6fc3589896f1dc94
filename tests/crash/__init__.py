"""All kinds of jobs under SIGKILL and with a failing site: for `tests/e2e/test_crash.py` and `bench/crash.py`."""

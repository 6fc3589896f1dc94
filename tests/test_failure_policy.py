"""The failure policy, checked against the source code, the error classes, the outcomes and docs/reference/errors.md."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import tmxdb.errors
from tests.queue.fakes import FakeKind, raising
from tmxdb.error_codes import CODES
from tmxdb.errors import (
    DatabaseError,
    DiskError,
    GameTimeout,
    GbxError,
    InvalidResponse,
    RetryLater,
    SiteError,
    SiteRefused,
    Throttled,
    TmxdbError,
    UserActionRequired,
)
from tmxdb.failure_policy import POLICIES, Action, FailurePolicy, as_markdown, policy_for, policy_for_code
from tmxdb.queue.backoff import backoff_s, snooze_s
from tmxdb.queue.job import ClaimLost, Fail, Job, Retry, Skip, Snooze, WorkerStopping
from tmxdb.queue.loop.perform import Result, perform

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "errors.md"
CODE = re.compile(r"(tmx|gbx|disk|db|worker|game|host|input|user|tmxdb)\.[a-z_]+")
NO_CODES = {"tmx.db"}  # a file name
OUTCOMES = {
    "Skip": {Action.SKIP},
    "Fail": {Action.FAIL},
    "Retry": {Action.RETRY},
    "Snooze": {Action.SNOOZE, Action.RELEASE},
}


@cache
def literals() -> list[tuple[str, str, str | None]]:
    """Return (location, code, outcome class that receives it, if any) for every code literal in tmxdb."""
    return list(_literals())


def _literals() -> Iterator[tuple[str, str, str | None]]:
    for file in sorted((ROOT / "tmxdb").rglob("*.py")):
        name_of_file = file.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            where = f"{name_of_file}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else None
                first = node.args[0] if node.args and name in OUTCOMES else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield where, first.value, name
                for keyword in node.keywords:
                    if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                        yield where, str(keyword.value.value), None
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_code(node.value):
                yield where, node.value, None


def _is_code(text: str) -> bool:
    return bool(CODE.fullmatch(text)) and text not in NO_CODES and not _is_module(text)


@cache
def _is_module(text: str) -> bool:
    return text.startswith("tmxdb.") and importlib.util.find_spec(text) is not None


def error_classes(base: type[TmxdbError] = TmxdbError) -> Iterator[type[TmxdbError]]:
    for subclass in base.__subclasses__():
        yield subclass
        yield from error_classes(subclass)


def test_every_code_in_the_source_has_a_policy() -> None:
    found = literals()
    assert len({code for _, code, _ in found}) > 50
    assert [(where, code) for where, code, _ in found if policy_for_code(code).code == "*"] == []


def test_every_code_in_the_source_is_a_code_that_commands_accept() -> None:
    named = {policy.code for policy in POLICIES if "*" not in policy.code}
    assert {code for _, code, _ in literals()} | named == CODES, "tmxdb/error_codes.py lists another set of codes"


def test_outcomes_in_the_source_agree_with_the_policy_of_their_code() -> None:
    wrong = [
        (where, code, outcome)
        for where, code, outcome in literals()
        if outcome and policy_for_code(code).action not in OUTCOMES[outcome]
    ]
    assert wrong == []


def test_every_policy_can_be_reached() -> None:
    for i, policy in enumerate(POLICIES):
        before = [
            other
            for other in POLICIES[:i]
            if other.matches(policy.code) and issubclass(policy.raised_as, other.raised_as)
        ]
        assert before == [], f"{policy.code} is never reached"


@pytest.mark.parametrize("kind", [one for one in error_classes() if one.__module__ == tmxdb.errors.__name__])
def test_every_error_class_is_treated_as_its_base_class_promises(kind: type[TmxdbError]) -> None:
    error = kind("gbx.corrupt", "m") if issubclass(kind, GbxError) else kind("m")
    policy = policy_for(error)
    action = policy.action
    if issubclass(kind, RetryLater):
        assert action in (Action.RETRY, Action.SNOOZE)
    elif issubclass(kind, UserActionRequired):
        assert action is Action.STOP
    else:
        assert action in (Action.SKIP, Action.FAIL) or policy.at_limit is Action.SKIP  # asked twice, to be sure


JOB = Job("download", 1, 1, 1, 0, "", {})


def performed(error: TmxdbError) -> Result:
    return perform(FakeKind(raising(error)), JOB)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Throttled("m", retry_after_s=7), Snooze("tmx.throttled", "m", 7)),
        (Throttled("m"), Snooze("tmx.throttled", "m", 10)),
        (SiteError("m", code="tmx.timeout"), Retry("tmx.timeout", "m")),
        (InvalidResponse("m", code="gbx.lzo"), Retry("gbx.lzo", "m")),
        (InvalidResponse("m", code="gbx.lzo", digest="ab"), Retry("gbx.lzo", "m", digest="ab")),
        (
            ClaimLost(JOB),
            Snooze("worker.claim_lost", str(ClaimLost(JOB))),
        ),
        (GbxError("gbx.lzo", "m"), Fail("gbx.lzo", "m")),
        (RetryLater("m", code="disk.swept"), Retry("disk.swept", "m")),
        (GameTimeout("m"), Retry("game.silent", "m")),
        (DatabaseError("m", code="db.busy"), Snooze("db.busy", "m", 2)),
        (DatabaseError("m", code="db.unreachable"), Snooze("db.unreachable", "m", 2)),
        (WorkerStopping("m"), Snooze("worker.stopping", "m")),
        (RetryLater("m", code="new.thing"), Retry("new.thing", "m")),
        (TmxdbError("m", code="new.thing"), Fail("new.thing", "m")),
    ],
)
def test_an_error_raised_by_a_job_is_treated_as_its_policy_says(
    error: TmxdbError, outcome: Skip | Fail | Retry | Snooze
) -> None:
    assert performed(error) == Result(performed(error).job, outcome)


@pytest.mark.parametrize(
    "error",
    [
        DiskError("m", code="disk.full"),
        DatabaseError("m", code="db.broken"),
        DatabaseError("m", code="disk.full"),
        SiteRefused("m"),
        UserActionRequired("m", code="gbx.no_pygbx"),
        UserActionRequired("m", code="new.thing"),
    ],
)
def test_an_error_that_needs_the_user_stops_the_run_and_charges_no_attempt(error: UserActionRequired) -> None:
    result = performed(error)
    assert (result.outcome, result.halt) == (Snooze(error.code, "m"), error)


@pytest.mark.parametrize(
    "policy",
    [policy for policy in POLICIES if policy.action in (Action.RETRY, Action.SNOOZE)],
    ids=lambda policy: policy.code,
)
def test_every_wait_grows_up_to_a_limit_and_respects_the_requested_wait(policy: FailurePolicy) -> None:
    waits = [backoff_s(policy, attempt, jitter=0.0) for attempt in range(1, 50)]
    assert waits == sorted(waits)
    assert 0 < waits[0] <= waits[-1] <= 3600
    assert backoff_s(policy, 1, jitter=0.5, asked_s=5000) == 5000
    assert snooze_s(policy, 1e9) == 86_400


def test_the_page_about_errors_contains_the_current_table() -> None:
    assert as_markdown() in PAGE.read_text("utf-8"), (
        f"replace the table in docs/reference/errors.md by:\n{as_markdown()}"
    )

"""The table of what becomes of a row, against the source, the errors, the outcomes and the page about it."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tmxdb.errors
from tests.queue.fakes import FakeKind, raising
from tmxdb.clock import span
from tmxdb.errors import (
    DatabaseTrouble,
    DiskTrouble,
    GameSilent,
    GbxError,
    SiteRefuses,
    SiteTrouble,
    Throttled,
    TmxdbError,
    TryLater,
    UserMustAct,
    WrongBody,
)
from tmxdb.queue.backoff import backoff_s, snooze_s
from tmxdb.queue.crew import Result, perform
from tmxdb.queue.job import Fail, GivenBack, Job, Retry, Skip, Snooze
from tmxdb.retrying import ALWAYS, RULES, Rule, Then, rule_for, rule_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "errors.md"
CODE = re.compile(r"(tmx|gbx|disk|db|worker|game|input|user|tmxdb)\.[a-z_]+")
NO_CODES = {"tmx.db"}  # the name of a file
OUTCOMES = {"Skip": {Then.SKIP}, "Fail": {Then.FAIL}, "Retry": {Then.RETRY}, "Snooze": {Then.WAIT, Then.BACK}}


def literals() -> Iterator[tuple[str, str, str | None]]:
    """(where, code, the outcome it is given to, if it is) for every code that is written down in tmxdb."""
    for file in sorted((ROOT / "tmxdb").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            where = f"{file.relative_to(ROOT).as_posix()}:{getattr(node, 'lineno', 0)}"
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


def _is_module(text: str) -> bool:
    return text.startswith("tmxdb.") and importlib.util.find_spec(text) is not None


def error_classes(above: type[TmxdbError] = TmxdbError) -> Iterator[type[TmxdbError]]:
    for one in above.__subclasses__():
        yield one
        yield from error_classes(one)


def test_every_code_in_the_source_has_a_line_in_the_table() -> None:
    found = list(literals())
    assert len({code for _, code, _ in found}) > 50
    assert [(where, code) for where, code, _ in found if rule_of(code).code == "*"] == []


def test_outcomes_that_are_written_down_are_those_of_the_table() -> None:
    wrong = [
        (where, code, outcome)
        for where, code, outcome in literals()
        if outcome and rule_of(code).then not in OUTCOMES[outcome]
    ]
    assert wrong == []


def test_every_line_of_the_table_can_be_reached() -> None:
    for i, rule in enumerate(RULES):
        before = [
            other for other in RULES[:i] if other.is_for(rule.code) and issubclass(rule.raised_as, other.raised_as)
        ]
        assert before == [], f"{rule.code} is never looked at"


@pytest.mark.parametrize("kind", [one for one in error_classes() if one.__module__ == tmxdb.errors.__name__])
def test_every_error_is_treated_as_its_branch_of_the_tree_promises(kind: type[TmxdbError]) -> None:
    error = kind("gbx.corrupt", "m") if issubclass(kind, GbxError) else kind("m")
    then = rule_for(error).then
    if issubclass(kind, TryLater):
        assert then in (Then.RETRY, Then.WAIT)
    elif issubclass(kind, UserMustAct):
        assert then is Then.STOP
    else:
        assert then in (Then.SKIP, Then.FAIL)


def done_with(error: TmxdbError, *, token: int = 1) -> Result:
    return perform(FakeKind(raising(error)), Job("download", 1, token, 1, 0, "", {}))


@pytest.mark.parametrize(
    ("error", "then"),
    [
        (Throttled("m", retry_after_s=7), Snooze("tmx.throttled", "m", 7)),
        (Throttled("m"), Snooze("tmx.throttled", "m", 10)),
        (SiteTrouble("m", code="tmx.timeout"), Retry("tmx.timeout", "m")),
        (WrongBody("m", code="gbx.lzo"), Retry("gbx.lzo", "m")),
        (GbxError("gbx.lzo", "m"), Fail("gbx.lzo", "m")),
        (TryLater("m", code="disk.swept"), Retry("disk.swept", "m")),
        (GameSilent("m"), Retry("game.silent", "m")),
        (DatabaseTrouble("m", code="db.busy"), Snooze("db.busy", "m", 2)),
        (DatabaseTrouble("m", code="db.unreachable"), Snooze("db.unreachable", "m", 2)),
        (GivenBack("m"), Snooze("worker.stopping", "m")),
        (TryLater("m", code="new.thing"), Retry("new.thing", "m")),
        (TmxdbError("m", code="new.thing"), Fail("new.thing", "m")),
    ],
)
def test_what_a_job_raises_is_treated_by_the_table(error: TmxdbError, then: Skip | Fail | Retry | Snooze) -> None:
    assert done_with(error) == Result(done_with(error).job, then)


@pytest.mark.parametrize(
    "error",
    [
        DiskTrouble("m", code="disk.full"),
        DatabaseTrouble("m", code="db.broken"),
        DatabaseTrouble("m", code="disk.full"),
        SiteRefuses("m"),
        UserMustAct("m", code="gbx.no_pygbx"),
        UserMustAct("m", code="new.thing"),
    ],
)
def test_what_somebody_must_mend_stops_the_run_and_charges_nobody(error: UserMustAct) -> None:
    result = done_with(error)
    assert (result.outcome, result.halt) == (Snooze(error.code, "m"), error)


def test_a_row_that_waited_uncharged_a_hundred_times_is_charged() -> None:
    free = rule_of("tmx.throttled").free
    assert free == 100
    assert done_with(Throttled("m", retry_after_s=7), token=free).outcome == Snooze("tmx.throttled", "m", 7)
    assert done_with(Throttled("m", retry_after_s=7), token=free + 1).outcome == Retry("tmx.throttled", "m", 7)
    assert done_with(GivenBack("m"), token=10 * free).outcome == Snooze("worker.stopping", "m")


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.then in (Then.RETRY, Then.WAIT)], ids=lambda r: r.code)
def test_every_wait_grows_and_ends_and_honours_what_was_asked_for(rule: Rule) -> None:
    waits = [backoff_s(rule, attempt, jitter=0.0) for attempt in range(1, 50)]
    assert waits == sorted(waits)
    assert 0 < waits[0] <= waits[-1] <= 3600
    assert backoff_s(rule, 1, jitter=0.5, asked_s=5000) == 5000
    assert snooze_s(rule, 1e9) == 86_400


def page_table() -> list[str]:
    """The lines that the page has to have."""
    lines = [
        "| code | what then | first wait | grows | longest | attempts | in a row | halves | when |",
        "|" + " --- |" * 9,
    ]
    for rule in RULES:
        code = f"`{rule.code}`" if rule.code != "*" else "anything else"
        when = rule.why
        if rule.raised_as is not TmxdbError:
            when = f"{when} ({rule.raised_as.__name__})".strip()
        waits = rule.then in (Then.RETRY, Then.WAIT)
        grows = rule.then is Then.RETRY
        cells = (
            code,
            rule.then.value,
            f"{rule.first_s:g} s" if waits else "",
            f"×{rule.growth:g}" if grows else "",
            span(rule.longest_s) if grows else "",
            f"{rule.attempts}"
            if rule.attempts
            else f"{rule.free} waits free"
            if 0 < rule.free < ALWAYS and waits and not grows
            else "",
            f"{rule.in_a_row}" if rule.in_a_row else "",
            "yes" if rule.narrows else "",
            when,
        )
        lines.append(" ".join(f"| {cell}".rstrip() for cell in cells) + " |")
    return lines


def test_the_page_about_errors_shows_this_table() -> None:
    shown = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    assert shown == page_table(), "docs/errors.md should have:\n" + "\n".join(page_table())

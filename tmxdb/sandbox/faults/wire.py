"""Right answers, sent badly."""

from __future__ import annotations

from dataclasses import replace

from tmxdb.sandbox.catalogue.draws import noise
from tmxdb.sandbox.faults.case import Case, Make
from tmxdb.sandbox.wire.messages import Manner, Response


def _sent(manner: Manner) -> Make:
    return lambda case: replace(case.healthy, manner=manner)


def _without_length(manner: Manner) -> Make:
    """The end of the connection is the end of the body (RFC 9112, 6.3): nobody can tell a cut from an end."""
    return lambda case: replace(case.healthy.with_headers(Content_Length=None, Connection="close"), manner=manner)


cut = _sent(Manner(part=0.5, then="close"))
reset = _sent(Manner(part=0.5, then="reset"))
refuse = _sent(Manner(head=False, then="reset"))
drop = _sent(Manner(head=False, then="close"))
hang = _sent(Manner(head=False, then="hang"))
stall = _sent(Manner(part=0.5, then="hang"))
cut_silent = _without_length(Manner(part=0.5, then="close"))
endless = _without_length(Manner(then="endless"))


def slow(case: Case) -> Response:
    return replace(case.healthy, manner=Manner(over_s=case.rule.seconds))


def wrong_length(case: Case) -> Response:
    response = case.healthy
    length = str(len(response.body) * 2 // 3)
    return replace(response.with_headers(Content_Length=length), manner=Manner(then="close"))


def garbage(case: Case) -> Response:
    return Response(200, noise(200, case.request.target), manner=Manner(bare=True, then="close"))

"""Faults that send the correct response incorrectly."""

from __future__ import annotations

from dataclasses import replace

from tmxdb_sandbox.catalogue.draws import noise
from tmxdb_sandbox.faults.fault import FaultContext, FaultFunction
from tmxdb_sandbox.wire.http_messages import Delivery, Response


def _delivered(delivery: Delivery) -> FaultFunction:
    return lambda case: replace(case.healthy, delivery=delivery)


def _without_length(delivery: Delivery) -> FaultFunction:
    """Omit the length. The end of the connection is the end of the body (RFC 9112, 6.3), so a cut is invisible."""
    return lambda case: replace(case.healthy.with_headers(Content_Length=None, Connection="close"), delivery=delivery)


cut = _delivered(Delivery(body_share=0.5, then="close"))
reset = _delivered(Delivery(body_share=0.5, then="reset"))
refuse = _delivered(Delivery(sends=False, then="reset"))
drop = _delivered(Delivery(sends=False, then="close"))
hang = _delivered(Delivery(sends=False, then="hang"))
stall = _delivered(Delivery(body_share=0.5, then="hang"))
cut_silent = _without_length(Delivery(body_share=0.5, then="close"))
endless = _without_length(Delivery(then="endless"))


def slow(case: FaultContext) -> Response:
    return replace(case.healthy, delivery=Delivery(duration_s=case.rule.seconds))


def wrong_length(case: FaultContext) -> Response:
    response = case.healthy
    length = str(len(response.body) * 2 // 3)
    return replace(response.with_headers(Content_Length=length), delivery=Delivery(then="close"))


def garbage(case: FaultContext) -> Response:
    return Response(200, noise(200, case.request.target), delivery=Delivery(omits_head=True, then="close"))

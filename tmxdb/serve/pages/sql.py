"""The page for SQL: a statement in the address, its result as a table, a chart or CSV."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from tmxdb.errors import InvalidInput
from tmxdb.reports.cookbook import cookbook_queries
from tmxdb.reports.parameters import parameter_names
from tmxdb.serve import parameters
from tmxdb.serve.mirror import ServedMirror
from tmxdb.serve.rendering import page
from tmxdb.serve.sql import answer
from tmxdb.serve.sql.schema import read_schema

MAX_SQL = 3500
"""Characters. The address of a request is limited, too."""
PREFIX = "p_"
"""Of parameters of the SQL in the address."""


def sql(request: Request) -> Response:
    """Return the page. A statement that the page of another site has sent here is shown, but not run."""
    statement = parameters.text(request, "q", at_most=MAX_SQL)
    names = parameter_names(statement)
    given = _given(request, names)
    mirror: ServedMirror = request.app.state.mirror
    found, problem = None, None
    is_missing = len(given) < len(names)
    may_run = bool(statement) and not is_missing and _is_asked_here(request)
    if may_run:
        try:
            found = mirror.sql.shown(statement, given)
        except InvalidInput as error:
            problem = str(error)
    with mirror.readers.reader() as reader:
        schema = read_schema(reader)
    pairs = {"q": statement, **{PREFIX + name: value for name, value in given.items()}}
    return page(
        request,
        "sql.html",
        http_status=400 if problem else 200,
        sql=statement,
        names=names,
        given=given,
        prefix=PREFIX,
        answer=found,
        problem=problem,
        not_run=bool(statement) and not may_run and not is_missing,
        is_missing=is_missing,
        schema=schema,
        queries=cookbook_queries(),
        csv_address=f"/sql.csv?{urlencode(pairs)}",
        limits=answer,
    )


def as_csv(request: Request) -> Response:
    """Return the result of a statement as a file to download."""
    statement = parameters.text(request, "q", at_most=MAX_SQL)
    if not _is_asked_here(request):
        raise InvalidInput("Another web site must not run SQL here. Open the page SQL.", code="input.parameter")
    mirror: ServedMirror = request.app.state.mirror
    found = mirror.sql.csv(statement, _given(request, parameter_names(statement)))
    name = f"query-first-{found.rows}-rows.csv" if found.is_cut else "query.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(found.data, headers=headers, media_type="text/csv; charset=utf-8")


def _given(request: Request, names: list[str]) -> dict[str, str]:
    return {name: parameters.text(request, PREFIX + name) for name in names if PREFIX + name in request.query_params}


def _is_asked_here(request: Request) -> bool:
    """Return whether a person opened the address, or a page of this server did: not another web site."""
    return request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")

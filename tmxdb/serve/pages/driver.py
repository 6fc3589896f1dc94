"""The page of a driver."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tmxdb.errors import InvalidInput
from tmxdb.reports.pages.driver import ORDERS, read_driver
from tmxdb.reports.pages.lookup import find_driver
from tmxdb.serve import parameters
from tmxdb.serve.mirror import ServedMirror
from tmxdb.serve.rendering import page
from tmxdb.storage import id_in_name

SHOWN, MAX_SHOWN = 50, 1000


def driver(request: Request) -> Response:
    """Return the page."""
    user_id = parameters.path_id(request, "user_id")
    order = parameters.choice(request, "order", ORDERS, "latest")
    n = max(parameters.number(request, "n", SHOWN, at_most=MAX_SHOWN) or SHOWN, 1)
    mirror: ServedMirror = request.app.state.mirror
    with mirror.readers.reader() as reader:
        if not reader.value("SELECT 1 FROM replays WHERE user_id = :id LIMIT 1", id=user_id):
            raise InvalidInput(f"The database has no driver {user_id}.", code="input.no_row")
        found = read_driver(reader, user_id, order=order, n=n)
    return page(request, "driver.html", driver=found, order=order, orders=ORDERS, most=min(found.replays, MAX_SHOWN))


def find(request: Request) -> Response:
    """Lead to the page of the driver that `q` names, or list those it may mean."""
    word = parameters.text(request, "q")
    problem = None
    if word:
        mirror: ServedMirror = request.app.state.mirror
        try:
            with mirror.readers.reader() as reader:
                user_id = find_driver(reader, word, id_in_name(word))
            return RedirectResponse(f"/driver/{user_id}", 303)
        except InvalidInput as error:
            problem = str(error)
    return page(request, "drivers.html", word=word, problem=problem)

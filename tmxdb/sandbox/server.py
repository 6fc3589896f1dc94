"""The running stand-in: catalogue, files, faults and journal behind one listening socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from time import monotonic

from tmxdb.errors import BadInput, WrongUsage
from tmxdb.sandbox.admin import PREFIX, Admin
from tmxdb.sandbox.api.site import Site
from tmxdb.sandbox.catalogue.catalogue import Catalogue
from tmxdb.sandbox.faults.plan import FaultPlan
from tmxdb.sandbox.faults.rule import BadFault
from tmxdb.sandbox.files.shelf import Shelf, open_shelf
from tmxdb.sandbox.settings import Settings
from tmxdb.sandbox.wire.connection import Connection
from tmxdb.sandbox.wire.journal import Journal
from tmxdb.sandbox.wire.messages import Request, Response

_BACKLOG = 1024  # many clients may knock at once


class Sandbox:
    """What connections ask (`Responder`) and what the admin paths turn (`Controls`)."""

    def __init__(self, settings: Settings) -> None:
        """Raises BadInput for a folder or log file that can not be used, WrongUsage for a fault that is none."""
        self.shelf: Shelf = open_shelf(settings)
        self.catalogue = Catalogue(settings, self.shelf.scenery)
        self.usual_latency_s = settings.latency_ms / 1000
        self._settings = settings
        try:
            self.set_faults(settings.faults)
            self.journal = Journal(settings.log_file)
        except BadFault as error:
            raise WrongUsage(f"{error}.") from error
        except OSError as error:
            raise BadInput(f"can not write the log {settings.log_file}: {error.strerror}.") from error
        self._site = Site(self.catalogue, self.shelf, empty_is_404=settings.empty_board == "404")
        self._admin = Admin(self)
        self._connections: set[Connection] = set()
        self._visitors: set[int] = set()  # connections that asked for more than admin paths
        self._count = 0

    # Faults

    @property
    def faults(self) -> list[str]:
        return self._plan.texts

    def set_faults(self, texts: list[str]) -> None:
        """New faults from now on; tries and times are counted from the beginning again."""
        self._plan = FaultPlan(texts, self._settings.seed, monotonic)

    # Asked by connections

    def opened(self, connection: Connection) -> int:
        self._connections.add(connection)
        self._count += 1
        return self._count

    def closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if connection.number in self._visitors:
            self._visitors.discard(connection.number)
            self.journal.disconnected()

    def latency_s(self, request: Request) -> float:
        return 0.0 if request.path.startswith(PREFIX) else self.usual_latency_s

    def respond(self, request: Request, connection: int) -> Response:
        if request.path.startswith(PREFIX):
            return self._admin.serve(request)
        if connection not in self._visitors:
            self._visitors.add(connection)
            self.journal.connected()
        response = self._plan.apply(request, self._site.serve)
        self.journal.began(request, response, connection)
        return response

    def finished(self, request: Request) -> None:
        if not request.path.startswith(PREFIX):
            self.journal.ended()

    # Running

    async def run(self, on_ready: Callable[[str, asyncio.Event], None]) -> None:
        """Serves until the event given to `on_ready`, together with the URL, is set. BadInput if the port is taken."""
        loop = asyncio.get_running_loop()
        host, port = self._settings.host, self._settings.port
        try:
            server = await loop.create_server(lambda: Connection(self), host, port, backlog=_BACKLOG)
        except OSError as error:
            # asyncio's own text repeats the address
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            raise BadInput(f"can not listen on {host} port {port}: {reason}. Choose another --port.") from error
        stop = asyncio.Event()
        shown = f"[{host}]" if ":" in host else host
        try:
            on_ready(f"http://{shown}:{server.sockets[0].getsockname()[1]}", stop)
            await stop.wait()
        finally:
            server.close()
            for connection in list(self._connections):
                connection.abort()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(server.wait_closed(), 1)
            self.journal.close()

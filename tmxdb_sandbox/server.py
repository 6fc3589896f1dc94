"""The simulated exchange: catalogue, files, faults and request log behind one listening socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from time import monotonic

from tmxdb.errors import InvalidInput, UsageError
from tmxdb_sandbox.admin import PREFIX, AdminApi
from tmxdb_sandbox.api.routes import SiteApi
from tmxdb_sandbox.catalogue.catalogue import Catalogue
from tmxdb_sandbox.faults.plan import HttpFaultPlan
from tmxdb_sandbox.faults.rule import InvalidFaultRule
from tmxdb_sandbox.files.source import FileSource, open_file_source
from tmxdb_sandbox.settings import Settings
from tmxdb_sandbox.wire.connection import Connection
from tmxdb_sandbox.wire.http_messages import Request, Response
from tmxdb_sandbox.wire.request_log import RequestLog

_LISTEN_BACKLOG = 1024  # many clients may connect at the same time


class Sandbox:
    """The server. Implements `Responder` for connections and `AdminTarget` for the admin paths."""

    def __init__(self, settings: Settings) -> None:
        """Raise InvalidInput for an unusable folder or log file, UsageError for an invalid fault."""
        self.files: FileSource = open_file_source(settings)
        self.catalogue = Catalogue(settings, self.files.real_maps)
        self.default_latency_s = settings.latency_ms / 1000
        self._settings = settings
        try:
            self.set_faults(settings.faults)
            self.request_log = RequestLog(settings.log_file)
        except InvalidFaultRule as error:
            raise UsageError(f"{error}.") from error
        except OSError as error:
            raise InvalidInput(f"cannot write the log {settings.log_file}: {error.strerror}.") from error
        self._site = SiteApi(self.catalogue, self.files, empty_is_404=settings.empty_board == "404")
        self._admin = AdminApi(self)
        self._connections: set[Connection] = set()
        self._logged_connections: set[int] = set()  # those that requested more than admin paths
        self._connection_count = 0
        self._is_holding = False
        self._held: list[Callable[[], None]] = []

    # Faults

    @property
    def faults(self) -> list[str]:
        return self._plan.texts

    def set_faults(self, texts: list[str]) -> None:
        """Replace the faults. Attempts and seconds are counted from now."""
        self._plan = HttpFaultPlan(texts, self._settings.seed, monotonic)

    # Order of events

    def hold(self) -> None:
        """Hold all further responses until `release`, so that a test decides what is in flight at the same time."""
        self._is_holding = True

    def release(self) -> None:
        """Send all held responses and hold no more."""
        self._is_holding = False
        held, self._held = self._held, []
        for send in held:
            send()

    # Responder

    def opened(self, connection: Connection) -> int:
        self._connections.add(connection)
        self._connection_count += 1
        return self._connection_count

    def closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if connection.number in self._logged_connections:
            self._logged_connections.discard(connection.number)
            self.request_log.disconnected()

    def respond(self, request: Request, connection: int) -> Response:
        if request.path.startswith(PREFIX):
            return self._admin.serve(request)
        if connection not in self._logged_connections:
            self._logged_connections.add(connection)
            self.request_log.connected()
        response = self._plan.respond(request, self._site.serve)
        self.request_log.request_started(request, response, connection)
        return response

    def schedule(self, request: Request, send: Callable[[], None]) -> None:
        if request.path.startswith(PREFIX):
            send()
        elif self._is_holding:
            self._held.append(send)
        elif self.default_latency_s:
            asyncio.get_running_loop().call_later(self.default_latency_s, send)
        else:
            send()

    def finished(self, request: Request) -> None:
        if not request.path.startswith(PREFIX):
            self.request_log.request_finished()

    # Running

    async def run(self, on_ready: Callable[[str, asyncio.Event], None]) -> None:
        """Call `on_ready` with the URL and a stop event, and serve until the event is set.

        Raise InvalidInput if the port is not available.
        """
        loop = asyncio.get_running_loop()
        host, port = self._settings.host, self._settings.port
        try:
            server = await loop.create_server(lambda: Connection(self), host, port, backlog=_LISTEN_BACKLOG)
        except OSError as error:
            # The message of asyncio repeats the address.
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            raise InvalidInput(f"cannot listen on {host} port {port}: {reason}. Choose another --port.") from error
        stop = asyncio.Event()
        url_host = f"[{host}]" if ":" in host else host
        try:
            on_ready(f"http://{url_host}:{server.sockets[0].getsockname()[1]}", stop)
            await stop.wait()
        finally:
            server.close()
            for connection in list(self._connections):
                connection.abort()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(server.wait_closed(), 1)
            self.request_log.close()

"""Run the web application until Ctrl-C."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from tmxdb.errors import InvalidInput
from tmxdb.serve.app import create_app
from tmxdb.serve.mirror import ServedMirror
from tmxdb.serve.security import is_loopback

if TYPE_CHECKING:
    from tmxdb.upkeep.actions import Actions

SHUTDOWN_S = 1
"""How long open pages may keep the server from ending."""


def new_token(host: str, *, always: bool = False) -> str | None:
    """Return a new token if other machines can reach the address `host`, or `always`; else None."""
    return secrets.token_urlsafe(24) if always or not is_loopback(host) else None


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host` and `port` (0: any free one). Raise InvalidInput if it cannot."""
    bare = host.strip("[]")
    if not bare.strip():  # which would be every address of the machine
        raise InvalidInput(
            "--host is empty. Give an address to listen on: 127.0.0.1 for this machine, 0.0.0.0 for all that reach it.",
            code="input.port",
        )
    try:
        family, *_, target = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(target, family=family, backlog=256)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidInput(
            f"cannot listen on {host}:{port}: {reason}. Choose another --port or --host.", code="input.port"
        ) from error


def address(listening: socket.socket, host: str, token: str | None) -> str:
    """Return what to type into a browser."""
    shown = f"[{host.strip('[]')}]" if ":" in host else host
    if host.strip("[]") in ("0.0.0.0", "::", ""):
        shown = socket.gethostname()
    return f"http://{shown}:{listening.getsockname()[1]}/" + (f"?token={token}" if token else "")


def run(
    mirror: ServedMirror,
    listening: socket.socket,
    token: str | None,
    on_ready: Callable[[], None],
    actions: Actions | None = None,
) -> None:
    """Serve until Ctrl-C, which is raised as KeyboardInterrupt when all is closed."""
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        raise InvalidInput(
            'The web page needs uvicorn. Install it with: pip install "tmxdb[serve]"', code="input.extra"
        ) from error
    config = uvicorn.Config(
        create_app(mirror, token=token, actions=actions),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=SHUTDOWN_S,
        limit_concurrency=500,
        ws="none",
    )
    on_ready()
    uvicorn.Server(config).run(sockets=[listening])

"""`tmxdb serve`: the mirror as web pages."""

from __future__ import annotations

import webbrowser

import click

from tmxdb.cli.framework.command import command
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import int_range
from tmxdb.cli.opening.database import close_at_end, open_database, open_reader, open_storage
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.shared.output import message


@command()
@option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Address to listen on.")
@option("--port", type=int_range(0, 65535), metavar="PORT", default=8421, show_default=True, help="0: any free port.")
@option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
@option("--allow-actions", is_flag=True, help="Add buttons that pause, resume, retry, skip and refresh.")
def serve(host: str, port: int, open_browser: bool, allow_actions: bool, options: StorageOptions) -> None:
    """Show the mirror as web pages, until Ctrl-C. They only read, unless --allow-actions is given.

    \b
      tmxdb serve --open
      tmxdb serve --host 0.0.0.0 --port 8080
      tmxdb serve --allow-actions

    Only this machine can open the pages. With another --host or --allow-actions, the
    address that is printed contains a token, which each browser needs once. Nothing
    is loaded from the internet. Needs: pip install "tmxdb[serve]"
    """
    from tmxdb.serve import server
    from tmxdb.serve.mirror import ServedMirror
    from tmxdb.serve.security import is_loopback

    reader = open_reader(options)
    mirror = ServedMirror(options.location, open_storage(options, reader))
    reader.close()
    close_at_end(mirror.close)
    listening = server.listen(host, port)
    token = server.new_token(host, always=allow_actions)
    address = server.address(listening, host, token)

    actions = None
    if allow_actions:
        from tmxdb.upkeep.actions import Actions

        open_database(options).close()  # fail now rather than at the first action
        actions = Actions(options.location)

    def on_ready() -> None:
        click.echo(address)
        reachable = "" if is_loopback(host) else " Other machines can open this address."
        message(f"Ctrl-C ends it.{reachable}" + (" Its pages can change rows." if allow_actions else ""))
        if open_browser:
            webbrowser.open(address)

    try:
        server.run(mirror, listening, token, on_ready, actions)
    except KeyboardInterrupt:  # the usual way to end it
        message("Stopped.")

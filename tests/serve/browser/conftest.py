"""Chromium, one for all tests of this folder, and a server for the database of a test."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.gbx.made import a_challenge, a_replay
from tmxdb.db.database import Database
from tmxdb.storage import Storage

WAIT_MS = 60_000
on_linux = pytest.mark.skipif(os.name == "nt", reason="drives the Chromium of Linux")


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Chromium that draws in software."""
    needs.module("playwright")
    program = needs.program("chromium")
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=arguments)
        yield running
        running.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder of a database beside it, with the files of a replay (`whole.gbx`) and of a map (`map.gbx`)."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "whole.gbx").write_bytes(a_replay())
    (folder / "map.gbx").write_bytes(a_challenge())
    return folder


@pytest.fixture
def address(sqlite: Database, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """A function that starts a server for the database and returns its address."""
    for name in ("starlette", "jinja2", "uvicorn"):
        needs.module(name)
    import uvicorn

    from tmxdb.serve import server
    from tmxdb.serve.app import create_app
    from tmxdb.serve.mirror import ServedMirror

    started = []

    def start(token: str | None = None, actions: Any = None) -> str:
        listening = server.listen("127.0.0.1", 0)
        app = create_app(ServedMirror(sqlite.location, Storage(tmp_path / "data")), token=token, actions=actions)
        running = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1, ws="none"))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        started.append((running, thread, listening))
        return server.address(listening, "127.0.0.1", None).rstrip("/")

    yield start
    for running, thread, listening in started:
        running.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """A function that opens a page; at the end nothing may have been written to its console.

    `ignored`: HTTP statuses, and errors of the network such as `ERR_FAILED`, that the test causes: Chromium reports
    them there.
    """
    contexts, messages = [], []

    def open_page(url: str, *, ignored: tuple[str, ...] = (), **options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()

        def heard(message: Any) -> None:
            reported = (f"{before}{word}" for word in ignored for before in ("status of ", "net::"))
            if not any(text in message.text for text in reported):
                messages.append((url, message.type, message.text))

        page.on("console", heard)
        page.on("pageerror", lambda error: messages.append((url, "error", str(error))))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [message for message in messages if message[1] in ("error", "warning")] == []

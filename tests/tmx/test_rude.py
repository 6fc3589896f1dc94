"""Answers that are hardly HTTP: an error with a sentence, in time, in little memory; no later one is spoiled."""

from __future__ import annotations

import itertools
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from tmxdb.cli.say import safe
from tmxdb.errors import SiteUnreachable, TmxdbError, TryLater
from tmxdb.tmx import client
from tmxdb.tmx import fetch as fetch_module
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.endpoints import replay_path
from tmxdb.tmx.fetch import Fetcher

from .rude import Answer, again, drips, rude, whole

MB = 2**20
PAGE = b'{"More": false, "Results": [{"TrackId": 7}]}'
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
TOTAL_S = 1.5

NEVER_ENDING: dict[str, Callable[[], Iterator[bytes]]] = {
    "a status line without an end": lambda: again(b"H" * 65536),
    "a status line in drips": lambda: drips(b"HTTP/1.1 200 " + b"O" * 10_000),
    "a header without an end": lambda: itertools.chain([HEAD + b"X: "], again(b"x" * 65536)),
    "headers without an end": lambda: itertools.chain([HEAD], again(b"X-Header: and one more\r\n" * 1000)),
    "a header in drips": lambda: itertools.chain([HEAD + b"X: "], drips(b"x" * 10_000)),
    "a folded header without an end": lambda: itertools.chain([HEAD + b"X: y\r\n"], again(b" y\r\n" * 10_000)),
    "100 Continue for ever": lambda: again(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "100 Continue with headers": lambda: again(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * 1000),
    "100 Continue in drips": lambda: drips(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 0.01),
    "102 Processing for ever": lambda: again(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000),
    "103 Early Hints for ever": lambda: again(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 1000),
    "a chunk's length without an end": lambda: itertools.chain([CHUNKED], again(b"0" * 65536)),
    "a chunk's extension without an end": lambda: itertools.chain([CHUNKED + b"5;"], again(b"x" * 65536)),
    "chunks in drips": lambda: itertools.chain([CHUNKED], drips(b"1\r\n \r\n" * 10_000)),
    "empty chunks in drips": lambda: itertools.chain([CHUNKED], drips(b"1\r\n{\r\n" * 10_000, 0.01)),
    "trailers without an end": lambda: itertools.chain([CHUNKED + b"0\r\n"], again(b"X-Trailer: more\r\n" * 1000)),
    "trailers in drips": lambda: itertools.chain([CHUNKED + b"0\r\n"], drips(b"X: y\r\n" * 10_000, 0.01)),
    "a body in drips": lambda: itertools.chain([HEAD + b"Content-Length: 100000\r\n\r\n"], drips(b" " * 100_000)),
    "a body that was never announced to end": lambda: itertools.chain([HEAD + b"\r\n"], again(b" " * 65536)),
    "nothing at all": lambda: drips(b"x", 3600),
}

NONSENSE = {
    "a header of 10 MB": HEAD + b"X: " + b"x" * 10 * MB + b"\r\n\r\n",
    "a hundred thousand headers": HEAD + b"X: y\r\n" * 100_000 + b"\r\n",
    "a chunk of no number": CHUNKED + b"zzz\r\n{}\r\n0\r\n\r\n",
    "a chunk of less than nothing": CHUNKED + b"-5\r\n{}\r\n0\r\n\r\n",
    "a chunk larger than any memory": CHUNKED + b"ffffffffffffffffff\r\n{}",
    "a chunk that is longer than said": CHUNKED + b"2\r\n{}{}\r\n0\r\n\r\n",
    "chunks that are cut off": CHUNKED + b"ff\r\n{}",
    "a length that is no number": HEAD + b"Content-Length: abc\r\n\r\n{}",
    "a length below nothing": HEAD + b"Content-Length: -7\r\n\r\n{}",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 200\r\n\r\n{}",
    "a length larger than any disk": HEAD + b"Content-Length: 99999999999999999999\r\n\r\n{}",
    "packed in a way nobody asked for": HEAD + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
    "packed again and again": HEAD + b"Content-Encoding: gzip, gzip, gzip, gzip\r\nContent-Length: 2\r\n\r\n{}",
    "said to be packed": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "no status": b"HTTP/1.1 \r\n\r\n",
    "a status of letters": b"HTTP/1.1 two OK\r\n\r\n",
    "a status of 1000": b"HTTP/1.1 1000 OK\r\nContent-Length: 2\r\n\r\n{}",
    "an escape sequence for a reason": b"HTTP/1.1 500 \x1b[2J\x07\r\nContent-Length: 0\r\n\r\n",
    "an old tongue": b"<html>hello</html>",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "zeros": bytes(65536),
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TOTAL_S", TOTAL_S)
    monkeypatch.setattr(fetch_module, "TOTAL_S", TOTAL_S)


def error_of(connect: Callable[..., Exchange], answer: Answer, area: str) -> TmxdbError:
    """What a question that is answered so ends with; and that it ends, in time and without taking much."""
    with rude(answer) as server:
        exchange = connect(server.url)
        fetcher = Fetcher(exchange)

        def ask() -> None:
            if area == "api":
                exchange.tracks({})
            else:
                received = bytearray()
                fetcher.fetch(replay_path(5), "replay 5", lambda data: received.extend(data) or len(data))
                raise TryLater("as the caller does: what came is no file")

        began = time.monotonic()
        tracemalloc.start()
        try:
            with pytest.raises(TmxdbError) as caught:
                ask()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            fetcher.close()
    assert time.monotonic() - began < 20 * TOTAL_S  # it ends; how fast is a matter of the machine
    assert peak < 3 * client.LARGEST_ANSWER + (2 * fetch_module.LARGEST_FILE if area == "file" else 0)
    return caught.value


@pytest.mark.parametrize("area", ["api", "file"])
@pytest.mark.parametrize("what", NEVER_ENDING)
def test_what_never_ends_is_given_up(connect: Callable[..., Exchange], what: str, area: str) -> None:
    error = error_of(connect, lambda number: NEVER_ENDING[what](), area)
    assert isinstance(error, TryLater)
    assert safe(str(error), keep="") == str(error)


@pytest.mark.parametrize("area", ["api", "file"])
@pytest.mark.parametrize("what", NONSENSE)
def test_what_is_no_answer_is_an_error_with_a_sentence(connect: Callable[..., Exchange], what: str, area: str) -> None:
    def answer(number: int) -> Iterator[bytes]:
        yield NONSENSE[what]
        raise ConnectionAbortedError  # closes

    error = error_of(connect, answer, area)
    assert not isinstance(error, SiteUnreachable)
    assert safe(str(error), keep="") == str(error)
    assert len(str(error)) < 500


@pytest.mark.parametrize("hint", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"])
def test_what_comes_before_the_answer_is_passed_over(connect: Callable[..., Exchange], hint: bytes) -> None:
    def answer(number: int) -> Iterator[bytes]:
        yield 3 * hint + whole(PAGE)

    with rude(answer) as server:
        exchange = connect(server.url)
        assert [record.track_id for record in exchange.tracks({}).records] == [7]
        body = bytearray()
        fetcher = Fetcher(exchange)
        fetcher.fetch(replay_path(5), "replay 5", lambda data: body.extend(data) or len(data))
        assert bytes(body) == PAGE
        fetcher.close()


def test_what_comes_behind_an_answer_is_not_taken_for_the_next_one(connect: Callable[..., Exchange]) -> None:
    """Two answers at once: whoever keeps the connection could believe the second to be that to his next question."""
    forged = whole(PAGE.replace(b"7", b"666"))

    def answer(number: int) -> Iterator[bytes]:
        yield whole(PAGE) + forged

    with rude(answer) as server:
        exchange = connect(server.url)
        for _ in range(5):
            assert [record.track_id for record in exchange.tracks({}).records] == [7]
        fetcher = Fetcher(exchange)
        for _ in range(5):
            body = bytearray()
            fetcher.fetch(replay_path(5), "replay 5", lambda data, body=body: body.extend(data) or len(data))
            assert bytes(body) == PAGE
        fetcher.close()

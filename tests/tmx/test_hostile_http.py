"""Responses that are barely HTTP: an error with a sentence, in time, in little memory, and no effect on later ones."""

from __future__ import annotations

import itertools
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from tests.tmx.conftest import AnyFetcher
from tests.tmx.one_thread import OneThread
from tests.tmx.raw_server import Answer, complete, forever, raw_server, slowly
from tmxdb.cli.shared.output import safe
from tmxdb.errors import InvalidResponse, RetryLater, SiteUnreachable, TmxdbError
from tmxdb.tmx.client import MAX_ANSWER, Exchange
from tmxdb.tmx.endpoints import replay_path
from tmxdb.tmx.fetch import MAX_FILE, Fetcher
from tmxdb.tmx.file_transfers import FileTransfers
from tmxdb.tmx.http.settings import HttpLimits, HttpSettings

MB = 2**20
PAGE = b'{"More": false, "Results": [{"TrackId": 7}]}'
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
TOTAL_S = 1.5
AREAS = ["api", "file", "file in one thread"]
QUICK = HttpSettings(limits=HttpLimits(total_s=TOTAL_S))

NEVER_ENDING: dict[str, Callable[[], Iterator[bytes]]] = {
    "a status line without an end": lambda: forever(b"H" * 65536),
    "a status line one byte at a time": lambda: slowly(b"HTTP/1.1 200 " + b"O" * 10_000),
    "a header without an end": lambda: itertools.chain([HEAD + b"X: "], forever(b"x" * 65536)),
    "headers without an end": lambda: itertools.chain([HEAD], forever(b"X-Header: and one more\r\n" * 1000)),
    "a header one byte at a time": lambda: itertools.chain([HEAD + b"X: "], slowly(b"x" * 10_000)),
    "a folded header without an end": lambda: itertools.chain([HEAD + b"X: y\r\n"], forever(b" y\r\n" * 10_000)),
    "100 Continue without end": lambda: forever(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "100 Continue with headers": lambda: forever(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * 1000),
    "100 Continue one byte at a time": lambda: slowly(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 0.01),
    "102 Processing without end": lambda: forever(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000),
    "103 Early Hints without end": lambda: forever(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 1000),
    "a chunk's length without an end": lambda: itertools.chain([CHUNKED], forever(b"0" * 65536)),
    "a chunk's extension without an end": lambda: itertools.chain([CHUNKED + b"5;"], forever(b"x" * 65536)),
    "chunks one byte at a time": lambda: itertools.chain([CHUNKED], slowly(b"1\r\n \r\n" * 10_000)),
    "empty chunks one byte at a time": lambda: itertools.chain([CHUNKED], slowly(b"1\r\n{\r\n" * 10_000, 0.01)),
    "trailers without an end": lambda: itertools.chain([CHUNKED + b"0\r\n"], forever(b"X-Trailer: more\r\n" * 1000)),
    "trailers one byte at a time": lambda: itertools.chain([CHUNKED + b"0\r\n"], slowly(b"X: y\r\n" * 10_000, 0.01)),
    "a body one byte at a time": lambda: itertools.chain(
        [HEAD + b"Content-Length: 100000\r\n\r\n"], slowly(b" " * 100_000)
    ),
    "a body that was never announced to end": lambda: itertools.chain([HEAD + b"\r\n"], forever(b" " * 65536)),
    "nothing at all": lambda: slowly(b"x", 3600),
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
    "packed in a way that was not requested": HEAD + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
    "packed again and again": HEAD + b"Content-Encoding: gzip, gzip, gzip, gzip\r\nContent-Length: 2\r\n\r\n{}",
    "said to be packed": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "no status": b"HTTP/1.1 \r\n\r\n",
    "a status of letters": b"HTTP/1.1 two OK\r\n\r\n",
    "a status of 1000": b"HTTP/1.1 1000 OK\r\nContent-Length: 2\r\n\r\n{}",
    "an escape sequence for a reason": b"HTTP/1.1 500 \x1b[2J\x07\r\nContent-Length: 0\r\n\r\n",
    "HTTP 0.9": b"<html>hello</html>",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "zeros": bytes(65536),
}


def error_of(connect: Callable[..., Exchange], answer: Answer, area: str) -> TmxdbError:
    """Return the error of a request that is answered so, after checking that it took little time and memory."""
    with raw_server(answer) as server:
        exchange = connect(server.url, http=QUICK)
        fetcher = OneThread(exchange) if area == "file in one thread" else Fetcher(exchange)

        def ask() -> None:
            if area == "api":
                exchange.tracks({})
            else:
                received = bytearray()

                def check() -> None:
                    raise InvalidResponse("as the caller does for a body that is not a file")

                fetcher.fetch(replay_path(5), "replay 5", received.extend, check)

        began = time.monotonic()
        tracemalloc.start()
        try:
            with pytest.raises(TmxdbError) as caught:
                ask()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            fetcher.close()
    assert time.monotonic() - began < 80 * TOTAL_S  # how soon depends on the machine; without a limit it never ends
    assert peak < 3 * MAX_ANSWER + (0 if area == "api" else 2 * MAX_FILE)
    return caught.value


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("what", NEVER_ENDING)
def test_a_response_without_an_end_is_given_up(connect: Callable[..., Exchange], what: str, area: str) -> None:
    error = error_of(connect, lambda number: NEVER_ENDING[what](), area)
    assert isinstance(error, RetryLater)
    assert safe(str(error), keep="") == str(error)


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("what", NONSENSE)
def test_a_response_that_is_not_http_is_an_error_with_a_sentence(
    connect: Callable[..., Exchange], what: str, area: str
) -> None:
    def answer(number: int) -> Iterator[bytes]:
        yield NONSENSE[what]
        raise ConnectionAbortedError  # closes

    error = error_of(connect, answer, area)
    assert not isinstance(error, SiteUnreachable)
    assert safe(str(error), keep="") == str(error)
    assert len(str(error)) < 500


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("packed in a way that was not requested", "cannot be read: compressed as 'br', which was not requested."),
        ("said to be packed", "cannot be read: not valid gzip data."),
    ],
)
def test_an_error_names_the_compression(connect: Callable[..., Exchange], what: str, said: str) -> None:
    assert said in str(error_of(connect, lambda number: iter([NONSENSE[what]]), "api"))


@pytest.mark.parametrize("hint", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"])
def test_interim_responses_are_skipped(connect: Callable[..., Exchange], hint: bytes) -> None:
    def answer(number: int) -> Iterator[bytes]:
        yield 3 * hint + complete(PAGE)

    with raw_server(answer) as server:
        exchange = connect(server.url)
        assert [record.track_id for record in exchange.tracks({}).records] == [7]
        body = bytearray()
        fetcher = Fetcher(exchange)
        fetcher.fetch(replay_path(5), "replay 5", body.extend, lambda: None)
        assert bytes(body) == PAGE
        fetcher.close()


def test_a_request_to_the_api_says_what_it_accepts(connect: Callable[..., Exchange]) -> None:
    page = complete(b'{"More":false,"Results":[]}', "Content-Type: application/json")
    with raw_server(lambda number: iter([page])) as server:
        connect(server.url).tracks({})
        (head,) = server.heads
    assert "\r\nAccept: application/json" in head
    assert "\r\nAccept-Encoding: gzip" in head
    assert "\r\nUser-Agent: tmxdb/" in head


@pytest.mark.parametrize("opened", [Fetcher, OneThread])
@pytest.mark.parametrize("later_s", [0, 0.1])
def test_bytes_behind_a_response_are_not_taken_for_the_next_one(
    connect: Callable[..., Exchange], opened: type[AnyFetcher], later_s: float
) -> None:
    """A client that keeps the connection could take the second response for that to its next request."""
    forged = complete(PAGE.replace(b"7", b"666"))
    sent = threading.Event()

    def answer(number: int) -> Iterator[bytes]:
        sent.clear()
        yield complete(PAGE) + (b"" if later_s else forged)
        time.sleep(later_s)
        yield forged
        sent.set()

    with raw_server(answer) as server:
        exchange = connect(server.url)
        for _ in range(5):
            assert [record.track_id for record in exchange.tracks({}).records] == [7]
            sent.wait(120)
        fetcher = opened(exchange)
        for _ in range(5):
            body = bytearray()
            fetcher.fetch(replay_path(5), "replay 5", body.extend, lambda: None)
            assert bytes(body) == PAGE
            sent.wait(120)
        fetcher.close()


def test_bytes_behind_a_large_response_are_not_taken_for_that_of_another_transfer(
    connect: Callable[..., Exchange],
) -> None:
    """A connection that one transfer has just given back may be taken by the next one immediately."""
    large, forged = b"g" * 200_000, complete(b"forged")

    with raw_server(lambda number: iter([complete(large) + forged])) as server:
        files: FileTransfers[bytearray] = FileTransfers(connect(server.url, max_concurrent=8), 8)
        received, under_way = list[bytes](), 0
        while len(received) < 2000:
            while under_way < 8 and files.wait_s(1) == 0:
                body = bytearray()
                files.begin(body, replay_path(5), "replay 5", body.extend)
                under_way += 1
            for body, error in files.wait(1.0):
                assert error is None
                received.append(bytes(body))
                under_way -= 1
        files.close()
    assert set(received) == {large}


@pytest.mark.parametrize("opened", [Fetcher, OneThread])
def test_a_header_in_another_encoding_does_no_harm(connect: Callable[..., Exchange], opened: type[AnyFetcher]) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Type: \xff\xfe\r\nX-\xff: \xff\r\n\r\nfile"
    with raw_server(lambda number: iter([answer])) as server:
        fetcher = opened(connect(server.url))
        for _ in range(3):
            body = bytearray()
            fetcher.fetch(replay_path(5), "replay 5", body.extend, lambda: None)
            assert body == b"file"
        fetcher.close()

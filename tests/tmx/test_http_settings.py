"""Certificates, proxies and deadlines: read from the environment once, the same for the API and for downloads."""

from __future__ import annotations

import http.server
import os
import shutil
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tmx.conftest import AnyFetcher
from tests.tmx.one_thread import OneThread
from tests.tmx.proxies import LoopbackProxy, running_proxy
from tests.tmx.raw_server import complete, raw_server, slowly
from tmxdb.errors import InvalidInput, SiteError, UsageError
from tmxdb.tmx.client import Exchange, user_agent
from tmxdb.tmx.endpoints import track_path
from tmxdb.tmx.fetch import Fetcher
from tmxdb.tmx.http.settings import CERTIFICATE_VARIABLES, HttpLimits, HttpSettings, http_settings
from tmxdb_sandbox import RunningSite

VARIABLES = [*CERTIFICATE_VARIABLES, "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
Send = Callable[[Exchange], object]


def list_tracks(exchange: Exchange) -> object:
    return exchange.tracks({})


def download(exchange: Exchange, opened: type[AnyFetcher] = Fetcher) -> object:
    fetcher = opened(exchange)
    try:
        return fetcher.fetch(track_path(2233), "map of track 2233", len, lambda: None)
    finally:
        fetcher.close()


def download_in_one_thread(exchange: Exchange) -> object:
    return download(exchange, OneThread)


SENDS = pytest.mark.parametrize("send", [list_tracks, download, download_in_one_thread])


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a self-signed certificate for localhost, in a folder with letters beyond ASCII."""
    folder = tmp_path_factory.mktemp("certs") / "Übung ж"
    folder.mkdir()
    shutil.copyfile(Path(__file__).with_name("localhost.pem"), folder / "c.pem")
    return folder


@pytest.fixture
def secure_url(site: RunningSite, authority: Path) -> Iterator[str]:
    """Serve the stand-in over TLS with a certificate that only `authority` trusts."""

    class Forwarding(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(urllib.request.Request(site.url + self.path, headers={"User-Agent": "test"})) as response:
                body = response.read()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forwarding)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "c.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@SENDS
def test_an_unknown_certificate_is_not_trusted(connect: Callable[..., Exchange], secure_url: str, send: Send) -> None:
    with pytest.raises(SiteError, match="its certificate cannot be trusted"):
        send(connect(secure_url, http=http_settings()))


@SENDS
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_each_certificate_variable_holds_for_the_api_and_for_downloads(
    connect: Callable[..., Exchange],
    secure_url: str,
    authority: Path,
    monkeypatch: pytest.MonkeyPatch,
    send: Send,
    variable: str,
) -> None:
    monkeypatch.setenv(variable, str(authority / "c.pem"))  # a path with letters beyond ASCII
    send(connect(secure_url, http=http_settings()))


@SENDS
@pytest.mark.skipif(os.name == "nt", reason="Windows has no folders of hashed certificates")
def test_a_folder_of_certificates_can_be_named(
    connect: Callable[..., Exchange],
    secure_url: str,
    authority: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    send: Send,
) -> None:
    name = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", authority / "c.pem"], check=True, capture_output=True, text=True
    ).stdout.strip()
    (tmp_path / f"{name}.0").write_bytes((authority / "c.pem").read_bytes())
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    send(connect(secure_url, http=http_settings()))


@pytest.mark.parametrize("variable", CERTIFICATE_VARIABLES)
def test_certificates_that_do_not_exist_are_one_sentence(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "/no/such/file.pem")
    with pytest.raises(InvalidInput, match=f"{variable} names '/no/such/file.pem', which does not exist"):
        http_settings()


@pytest.fixture(params=["http", "socks5"])
def proxy(request: pytest.FixtureRequest) -> Iterator[LoopbackProxy]:
    with running_proxy(request.param) as proxy:
        proxy.url = f"{'socks5h' if request.param == 'socks5' else 'http'}://127.0.0.1:{proxy.port}"  # type: ignore[attr-defined]
        yield proxy


@SENDS
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_requests_go_through_the_proxy_of_the_environment(
    connect: Callable[..., Exchange],
    site: RunningSite,
    proxy: LoopbackProxy,
    monkeypatch: pytest.MonkeyPatch,
    send: Send,
    variable: str,
) -> None:
    monkeypatch.setenv(variable, proxy.url)  # type: ignore[attr-defined]
    send(connect(site.url.replace("127.0.0.1", "localhost"), http=http_settings()))
    assert {host for host, _ in proxy.requested} == {"localhost"}


@SENDS
def test_https_goes_through_a_tunnel(
    connect: Callable[..., Exchange],
    secure_url: str,
    authority: Path,
    proxy: LoopbackProxy,
    monkeypatch: pytest.MonkeyPatch,
    send: Send,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "c.pem"))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)  # type: ignore[attr-defined]
    send(connect(secure_url, http=http_settings()))
    assert {host for host, _ in proxy.requested} == {"localhost"}


@SENDS
@pytest.mark.parametrize("excluded", ["127.0.0.1", "*", "example.org, 127.0.0.1"])
def test_hosts_of_no_proxy_are_reached_directly(
    connect: Callable[..., Exchange],
    site: RunningSite,
    proxy: LoopbackProxy,
    monkeypatch: pytest.MonkeyPatch,
    send: Send,
    excluded: str,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)  # type: ignore[attr-defined]
    monkeypatch.setenv("NO_PROXY", excluded)
    send(connect(site.url, http=http_settings()))
    assert proxy.requested == []


@SENDS
def test_deadlines_hold_behind_a_proxy_that_never_answers(
    connect: Callable[..., Exchange], site: RunningSite, proxy: LoopbackProxy, send: Send
) -> None:
    proxy.stalls = True
    settings = HttpSettings(proxies={"http": proxy.url}, limits=HttpLimits(total_s=0.5, silence_s=600))  # type: ignore[attr-defined]
    started = time.monotonic()
    with pytest.raises(SiteError) as caught:
        send(connect(site.url, http=settings))
    assert caught.value.code == "tmx.timeout"
    assert time.monotonic() - started < 100


@SENDS
def test_deadlines_hold_behind_a_proxy_when_the_answer_trickles_in(
    connect: Callable[..., Exchange], proxy: LoopbackProxy, send: Send
) -> None:
    def answer(number: int) -> Iterator[bytes]:
        yield from slowly(complete(b" " * 100_000))

    settings = HttpSettings(proxies={"http": proxy.url}, limits=HttpLimits(total_s=0.5))  # type: ignore[attr-defined]
    with raw_server(answer) as server, pytest.raises(SiteError) as caught:
        send(connect(server.url, http=settings))
    assert caught.value.code == "tmx.timeout"


@SENDS
@pytest.mark.parametrize(("status", "word"), [(407, "wants a user name and password"), (403, "refused the connection")])
def test_a_proxy_that_refuses_a_tunnel_is_named_without_its_password(
    connect: Callable[..., Exchange], send: Send, status: int, word: str
) -> None:
    with running_proxy("http") as proxy:
        proxy.refusal = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()
        settings = HttpSettings(proxies={"https": f"http://me:secret@127.0.0.1:{proxy.port}"})
        with pytest.raises(SiteError, match=word) as caught:
            send(connect("https://localhost:9", http=settings))
    assert f"http://127.0.0.1:{proxy.port}" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["ftp://x:1", "http://", "socks9://x", "http://x:0", "http://x:99999", "http://ü:1"])
def test_a_proxy_that_cannot_be_used_is_one_sentence(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", wrong)
    with pytest.raises(InvalidInput, match="is not the address of a proxy") as caught:
        http_settings()
    assert caught.value.code == "input.proxy"
    assert "HTTPS_PROXY" in str(caught.value)


def test_a_proxy_without_a_scheme_is_an_http_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "127.0.0.1:3128")
    assert http_settings().proxy_for("http://x/") == "http://127.0.0.1:3128"
    assert http_settings().proxy_for("https://x/") == ""


@pytest.mark.parametrize("contact", ["Jörg", "a\r\nX-Header: b", "a\x1b[2J"])
def test_a_contact_that_a_request_cannot_carry_is_a_usage_error(contact: str) -> None:
    with pytest.raises(UsageError, match="ASCII"):
        user_agent(contact)

"""How requests are sent: certificates, proxies and limits, decided once for API requests and file downloads alike."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tmxdb.errors import InvalidInput

CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Environment variables with trusted certificates, a file or a folder. The first one that is set applies."""
PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits of one transfer. A transfer is given up when it exceeds any of them."""

    connect_s: float = 15.0
    total_s: float = 120.0
    """From the start to the last byte, including the connection, a proxy, and all headers."""
    silence_s: int = 30
    slowest_bytes_s: int = 100
    """Fewer bytes a second than this, for `silence_s` seconds, count as silence."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Certificates, proxies and limits. The default is: certificates of certifi, no proxy."""

    certificates: str | None = None
    """A file or folder with trusted certificates instead of those of certifi."""
    proxies: Mapping[str, str] = field(default_factory=dict)
    """The proxy for each scheme (`http`, `https`; `all` for both), as a URL."""
    no_proxy: str = ""
    """Hosts that are reached without a proxy, separated by commas; `*` is all."""
    limits: HttpLimits = field(default_factory=HttpLimits)

    def proxy_for(self, url: str) -> str:
        """Return the proxy for `url`; empty without one. `no_proxy` is left to libcurl."""
        return self.proxies.get(urlsplit(url).scheme) or self.proxies.get("all") or ""


def http_settings(environ: Mapping[str, str] = os.environ) -> HttpSettings:
    """Return the settings of the environment: certificate variables, `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY` ….

    On Windows and macOS the proxies of the system apply if none is in the environment. Raise InvalidInput for
    certificates that do not exist and for proxies of an unknown kind.
    """
    import urllib.request  # imports http.client, and dry runs need no proxy

    proxies = urllib.request.getproxies()
    return HttpSettings(
        certificates=_certificates(environ),
        proxies={scheme: _proxy(scheme, proxies[scheme]) for scheme in ("http", "https", "all") if proxies.get(scheme)},
        no_proxy=proxies.get("no", ""),
    )


def without_password(proxy: str) -> str:
    """Return a proxy URL without user name and password, for messages."""
    scheme, separator, rest = proxy.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _certificates(environ: Mapping[str, str]) -> str | None:
    for name in CERTIFICATE_VARIABLES:
        path = environ.get(name)
        if path:
            if not os.path.exists(path):
                raise InvalidInput(
                    f"{name} names {path!r}, which does not exist. Correct or unset that variable.",
                    code="input.certificates",
                )
            return path
    return None


def _proxy(scheme: str, text: str) -> str:
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme.lower() in PROXY_SCHEMES and parts.hostname and parts.port != 0 and url.isascii()
    except ValueError:
        usable = False
    if not usable:
        raise InvalidInput(
            f"{scheme.upper()}_PROXY is {without_password(text)!r}, which is not the address of a proxy. Use one"
            f" such as http://host:3128 or socks5h://host:1080 (known kinds: {', '.join(PROXY_SCHEMES)}), or unset it.",
            code="input.proxy",
        )
    return url

"""Scripts, styles and icons. Only names of files in the folder `static` are answered, from a list made once."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tmxdb.serve.rendering import STATIC, static_version

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
SMALL = 1000
"""Bytes below which packing saves nothing."""


def static_file(request: Request) -> Response:
    """Return a file of the folder. Raise HTTPException 404 for any other name."""
    name = request.path_params["name"]
    path = _files().get(name)
    if path is None:
        raise HTTPException(404)
    headers = {"ETag": f'"{static_version(name)}"', "Vary": "Accept-Encoding"}
    is_version = request.query_params.get("v") == static_version(name)
    # A script that another script imports has no version in its address: the browser asks whether it changed.
    headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_version else "no-cache"
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    body = path.read_bytes()
    if len(body) > SMALL and "gzip" in request.headers.get("accept-encoding", ""):
        body = _packed(name)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type=TYPES[path.suffix])


@cache
def _files() -> dict[str, Path]:
    files = (path for path in STATIC.rglob("*") if path.is_file() and path.suffix in TYPES)
    return {path.relative_to(STATIC).as_posix(): path for path in files}


@cache
def _packed(name: str) -> bytes:
    return gzip.compress(_files()[name].read_bytes(), 6, mtime=0)

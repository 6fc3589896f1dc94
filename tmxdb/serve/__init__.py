"""`tmxdb serve`: a mirror as web pages that only read. Needs the extra `serve`."""

from __future__ import annotations

from tmxdb.errors import InvalidInput

try:
    import jinja2 as _jinja2  # noqa: F401
    import starlette as _starlette  # noqa: F401
except ModuleNotFoundError as error:
    raise InvalidInput(
        'The web page needs Starlette. Install it with: pip install "tmxdb[serve]"', code="input.extra"
    ) from error

"""Lines, inputs and frames as NumPy arrays. Needs the extra `arrays`."""

from __future__ import annotations

from tmxdb.errors import InvalidInput

try:
    import numpy as _numpy  # noqa: F401
except ModuleNotFoundError as error:
    raise InvalidInput('Arrays need NumPy. Install it with: pip install "tmxdb[arrays]"', code="input.extra") from error

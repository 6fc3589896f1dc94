"""Data sets of captured frames for PyTorch: `FrameWindows` by number, `FrameStream` in a shuffled order.

Needs the extra `arrays`. torch is not a dependency: without it `FrameWindows` works as a sequence, and `FrameStream` as
an iterable.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import tmxdb.arrays  # noqa: F401  first: it says what to install if NumPy is missing
from tmxdb.api.windows import INPUTS, Windows, in_split

if TYPE_CHECKING:
    _Iterable = object
else:
    try:
        from torch.utils.data import IterableDataset as _Iterable
    except ModuleNotFoundError:
        _Iterable = object

__all__ = ["INPUTS", "FrameStream", "FrameWindows", "in_split"]


class FrameWindows(Windows):
    """A map-style data set of windows, for `torch.utils.data.DataLoader`. `Windows` describes a window."""


class FrameStream(_Iterable):
    """An iterable data set: all windows in an order that `seed` and the epoch decide.

    Workers of a `DataLoader` take whole batches in turn, so the batches are the same with any number of workers. To
    resume, call `start_at` with the epoch and the number of batches that were already used.
    """

    def __init__(self, windows: Windows, *, batch_size: int, seed: int = 0, shuffle: bool = True) -> None:
        """`batch_size`: that of the `DataLoader`. Raise ValueError if it is less than 1 or `seed` less than 0."""
        if batch_size < 1 or seed < 0:
            raise ValueError(f"batch_size must be 1 or more and seed 0 or more, not {batch_size} and {seed}")
        super().__init__()
        self._windows, self._batch_size, self._seed, self._shuffle = windows, batch_size, seed, shuffle
        self._epoch = self._batches = 0

    def start_at(self, *, epoch: int, batches: int = 0) -> None:
        """Choose the order of `epoch`, and skip its first `batches` batches. Call it before each epoch.

        Workers of a `DataLoader` with `persistent_workers=True` keep their copy of the first epoch and do not see it.
        Raise ValueError if a number is less than 0.
        """
        if epoch < 0 or batches < 0:
            raise ValueError(f"epoch and batches must be 0 or more, not {epoch} and {batches}")
        self._epoch, self._batches = epoch, batches

    def __iter__(self) -> Iterator[dict[str, Any]]:
        import numpy as np

        order = np.arange(len(self._windows))
        if self._shuffle:
            np.random.default_rng([self._seed, self._epoch]).shuffle(order)
        worker, workers = _worker()
        size = self._batch_size
        for begin in range((self._batches + worker) * size, len(order), workers * size):
            for number in order[begin : begin + size]:
                yield self._windows[int(number)]


def _worker() -> tuple[int, int]:
    """Return the number of this worker of a `DataLoader`, and how many there are."""
    try:
        from torch.utils.data import get_worker_info
    except ModuleNotFoundError:
        return 0, 1
    info = get_worker_info()
    return (0, 1) if info is None else (info.id, info.num_workers)

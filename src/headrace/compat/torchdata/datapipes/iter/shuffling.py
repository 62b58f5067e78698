"""`shuffle`: records in a random order, from windows."""

from __future__ import annotations

from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.iter.batching import UnBatcher
from headrace.contracts.errors import whole

# Any, in this file: records of every type.


@functional_datapipe("shuffle")
class Shuffler(IterDataPipe[Any]):
    """`stream.shuffle(buffer_size)`: a random order inside windows.

    Behind sources with random access it costs nothing and reads nothing ahead. For an exact
    shuffle of a whole dataset take `ref.shuffle(seed)`, or a `buffer_size` of its length.

    Raises:
        ArgumentError: `buffer_size` is below 1.
    """

    def __init__(
        self, datapipe: IterDataPipe[Any], *, buffer_size: int = 10000, unbatch_level: int = 0
    ) -> None:
        remedy = "Leave it out for 10,000."
        self.datapipe = datapipe if unbatch_level == 0 else UnBatcher(datapipe, unbatch_level)
        self.buffer_size = whole("buffer_size", buffer_size, least=1, remedy=remedy)
        self._enabled = True

    def set_shuffle(self, shuffle: bool = True) -> Shuffler:
        """Whether it shuffles."""
        self._enabled = shuffle
        return self

    def set_seed(self, seed: int) -> Shuffler:
        """The seed of the next iteration."""
        self._seed = seed
        return self

    def stream(self) -> hr.Stream[Any]:
        """`stream.shuffle`."""
        source = stream_of(self.datapipe)
        return source.shuffle(self.buffer_size, self._seed) if self._enabled else source

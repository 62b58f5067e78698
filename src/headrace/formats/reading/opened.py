"""The shards of a version that can be read now, and the readers over them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from headrace.formats.reading.readers import reader_of
from headrace.formats.schema.schema import Leaf
from headrace.formats.shards.parts import Part


class Opened:
    """Readers over shards that are only ever added, so that whoever holds this may read on.

    `add` is for one thread at a time, what was added for all.
    """

    def __init__(self, leaves: Sequence[Leaf], shards: int, *, as_views: bool) -> None:
        self.readers = [reader_of(leaf, shards, as_views=as_views) for leaf in leaves]
        self.flags: npt.NDArray[np.bool_] = np.zeros(shards, np.bool_)
        self.missing = shards

    def add(self, number: int, parts: Sequence[Part]) -> None:
        """Makes a shard known. Raises Damaged where its buffers are too short."""
        for reader, part in zip(self.readers, parts, strict=True):
            reader.add(number, part)
        # Set last: a reader in another thread relies on all that was added.
        self.flags[number] = True
        self.missing -= 1

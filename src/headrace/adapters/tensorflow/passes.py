"""The passes over what a tf.data.Dataset is made of: each is the next epoch."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, Protocol

from headrace.contracts import Block, Run
from headrace.contracts.errors import ClosedError
from headrace.engine import Chain
from headrace.loader import DataLoader

# Any, in this file: records hold the user's values.

# Records of a slow function are not held back for longer, to be handed on in bulk.
BLOCK_S = 0.05


class Reader(Protocol):
    """One pass: read in blocks, empty at the end."""

    def read(self, n: int) -> Block[Any]:
        """At most `n` records; those before an error, then the error."""
        ...

    def close(self) -> None:
        """Ends it."""
        ...


class StreamReader:
    """One epoch of a chain, in the thread that asks."""

    def __init__(self, chain: Chain, epoch: int) -> None:
        cursor = chain.open(Run(epoch=epoch))
        self.read, self.close = cursor.read, cursor.close


class LoaderReader:
    """One epoch of a loader, which counts what was taken."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._batches: Iterator[Any] = iter(loader)

    def read(self, n: int) -> list[Any]:
        """At most `n` records; those before an error, then the error."""
        block: list[Any] = []
        try:
            block.extend(itertools.islice(self._batches, n))
        except Exception:
            # The loader raises it again when it is asked again.
            if not block:
                raise
        return block

    def close(self) -> None:
        """Lets go of the pass; the loader stays where it is."""
        self._batches = iter(())


class Passes:
    """The passes over a source, one epoch after the other; the first may have been looked at."""

    def __init__(self, begin: Callable[[], Reader]) -> None:
        self._begin = begin
        self._looked_at: list[tuple[Block[Any], Reader]] = []

    def first(self) -> Block[Any]:
        """The first record of the first pass, which will still be given; none if it has none."""
        reader = self._begin()
        block = reader.read(1)
        if len(block):
            self._looked_at.append((block, reader))
        return block

    def blocks(self, most: int) -> Generator[Block[Any]]:
        """The records of the next pass, at most so many at once."""
        held, reader = self._opened()
        size = 1
        try:
            yield from held
            while True:
                began = time.monotonic()
                block = reader.read(size)
                if not len(block):
                    return
                yield block
                # Doubled while reading is fast: whoever takes few has few read.
                is_fast = time.monotonic() - began < BLOCK_S
                size = min(most, 2 * size) if is_fast else max(1, size // 2)
        finally:
            reader.close()

    def _opened(self) -> tuple[list[Block[Any]], Reader]:
        try:
            block, reader = self._looked_at.pop()
        except IndexError:
            return [], self._begin()
        if not isinstance(reader, LoaderReader):
            return [block], reader
        # The loader's position may have been moved since.
        try:
            following = reader.read(1)
        except ClosedError:
            return [], self._begin()
        except Exception:
            following = []
        return [block, following] if following else [block], reader

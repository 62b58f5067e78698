"""The records of one window, given again and again in other orders."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from headrace.contracts import Block, Indices, rows
from headrace.kept.copies import copied
from headrace.kept.held import HeldRecords
from headrace.kept.spool import Spool

# Any, in this file: records are the user's values, of every type.

REMEDY = 'Or use medium="memory", which keeps records as they are.'


class Window(Protocol):
    """Takes in the records of a window, then gives them round by round."""

    def add(self, block: Block[Any]) -> None:
        """Takes in the next records; whoever gave them may then change them in place."""
        ...

    def begin(self, order: Indices, *, is_last: bool) -> None:
        """Begins a round: the records in this order."""
        ...

    def read(self, start: int, n: int) -> Block[Any]:
        """At most `n` records of the round from number `start` on."""
        ...

    def close(self) -> None:
        """Forgets the records; closing again does nothing."""
        ...


class MemoryWindow:
    """Keeps copies, because whoever gets a record may change it in place."""

    def __init__(self) -> None:
        self._records: list[Any] = []
        self._order: list[int] = []
        self._is_last = False

    def add(self, block: Block[Any]) -> None:
        """Takes in copies of the next records."""
        self._records += copied(rows(block))

    def begin(self, order: Indices, *, is_last: bool) -> None:
        """Begins a round."""
        self._order = order.tolist()
        self._is_last = is_last

    def read(self, start: int, n: int) -> Block[Any]:
        """Copies, in the last round the records themselves."""
        found = [self._records[index] for index in self._order[start : start + n]]
        return found if self._is_last else copied(found)

    def close(self) -> None:
        """Forgets the records."""
        self._records = []


class DiskWindow:
    """Keeps the records in a file under `root`, which is gone once it has been mapped."""

    def __init__(self, root: Path) -> None:
        # The file is private to this process and checked against what it wrote, so that pickles
        # in it are its own.
        self._spool = Spool(root, remedy=REMEDY, allow_pickle=True)
        self._records: HeldRecords | None = None

    def add(self, block: Block[Any]) -> None:
        """Takes in the next records. Raises StorageError where the disk is full."""
        self._spool.add(block)

    def begin(self, order: Indices, *, is_last: bool) -> None:
        """Begins a round."""
        if self._records is None:
            manifest = self._spool.finish("a window", "of rotate")
            self._records = HeldRecords(self._spool.folder, manifest, allow_pickle=True)
            # The maps keep the bytes for as long as they are used.
            self._spool.close()
        self._records.put_in(np.asarray(order))

    def read(self, start: int, n: int) -> Block[Any]:
        """Records gathered from the map."""
        assert self._records is not None
        return self._records.read(start, n)

    def close(self) -> None:
        """Removes the file, where it was not mapped yet."""
        self._records = None
        self._spool.close()

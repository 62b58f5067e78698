"""What several pipes have in common before them: their passes fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.drawing import fresh_seed
from headrace.compat.torchdata.datapipes.parents import upstream
from headrace.contracts import Run, iterate

# Any, in this file: records of every type.


class Trunk(IterDataPipe[Any]):
    """The pipe before several branches.

    Branches that are read in loops of their own, outside of a loader, see one shuffle: the n-th
    pass of each begins where the n-th of the others does.
    """

    def __init__(self, datapipe: IterDataPipe[Any]) -> None:
        self.datapipe = datapipe
        # The newest pass and its number.
        self._pass: tuple[hr.Stream[Any], Run, int] | None = None

    def stream(self) -> hr.Stream[Any]:
        """The stream before the branches."""
        return stream_of(self.datapipe)

    def pass_after(self, given: int) -> tuple[hr.Stream[Any], Run, int]:
        """The newest pass, where a branch has not had it; else another one."""
        if self._pass is None or self._pass[2] <= given:
            self._pass = self.stream(), Run(seed=fresh_seed()), given + 1
            for one in upstream(self.datapipe):
                # Given for one iteration.
                if getattr(one, "stands_for_stream", False):
                    vars(one)["_seed"] = None
        return self._pass

    def __getstate__(self) -> dict[str, Any]:
        # Passes belong to their process.
        return {**super().__getstate__(), "_pass": None}


def opened(stream: hr.Stream[Any], run: Run) -> Iterator[Any]:
    """The records of a stream in a run of one's own."""
    # What cursors share is shared within one pass of one branch.
    cursor = stream.node.open(Run(epoch=run.epoch, seed=run.seed))
    try:
        yield from iterate(cursor)
    finally:
        cursor.close()

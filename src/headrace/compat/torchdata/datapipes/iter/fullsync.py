"""`fullsync`: all ranks end together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.contracts.errors import ArgumentError, RankError

# Any, in this file: records of every type.

# As long as the original waits.
TIMEOUT_S = 1800
# One meeting serves so many records, after a few smaller ones.
MOST_AHEAD = 16


@functional_datapipe("fullsync")
class FullSync(IterDataPipe[Any]):
    """Records until the first of the ranks has no more: `stream.through`.

    The ranks that `hr.Ranks.detect()` finds meet once for up to 16 records. A rank that fails, or
    stays away for longer than `timeout` seconds, is an error on all of them. Where nothing is
    distributed, records pass through. A DataLoader with `epoch_end="shortest"` does the same, and
    by arithmetic where lengths are known.

    Raises:
        ArgumentError: `timeout` is not above 0.
        RankError: when it is read, another rank failed or is not there.
    """

    def __init__(self, datapipe: IterDataPipe[Any], timeout: float = TIMEOUT_S) -> None:
        if not timeout > 0:
            raise ArgumentError(
                f"'timeout' is required to be a positive number of seconds, got {timeout!r}. "
                "Leave it out for 1,800."
            )
        self.datapipe = datapipe
        self.timeout = timeout

    def is_replicable(self) -> bool:
        """That it stays beside the consumer."""
        return False

    def stream(self) -> hr.Stream[Any]:
        """`stream.through`."""
        return stream_of(self.datapipe).through(Together(self.timeout))


@dataclass(frozen=True)
class Together:
    """Gives records while all ranks have some."""

    timeout: float

    def __call__(self, records: Iterator[Any]) -> Iterator[Any]:
        ranks = hr.Ranks.detect(timeout_s=self.timeout)
        if ranks.world_size == 1:
            yield from records
            return
        ahead = 1
        while True:
            ready: list[Any] = []
            try:
                ready.extend(islice(records, ahead))
            except Exception as error:
                _meet(ranks, len(ready), f"{type(error).__name__}: {error}")
                raise
            said = _meet(ranks, len(ready), None)
            _check(said, ranks.rank)
            least = min(count for count, _ in said)
            yield from ready[:least]
            if least < ahead:
                return
            ahead = min(2 * ahead, MOST_AHEAD)


def _meet(ranks: hr.Ranks, count: int, failure: str | None) -> list[Any]:
    return ranks.meet([count, failure], "fullsync", topic="fullsync")[1]


def _check(said: list[Any], rank: int) -> None:
    for other, (_, failure) in enumerate(said):
        if failure is not None:
            raise RankError(
                f"rank {other} failed while rank {rank} was in fullsync: {failure}. All ranks "
                "were expected to read on. Mend what failed there."
            )

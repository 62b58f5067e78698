"""How torch's DataLoader reads a chain: as which class, in which epoch, and split at all."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import Any

from headrace.adapters.torch.passes import Begin, Passes, starter_of
from headrace.compat.squirrel.iterstream.chaining import Parts, parts_of
from headrace.compat.squirrel.iterstream.splits import ByRank, ByWorker, worker_of_torch
from headrace.contracts.errors import StreamError
from headrace.extras import imported
from headrace.ranks import torch as torch_ranks

# Any, in this file: records pass through untyped, and torch is optional.
# Epochs are counted from the first read on.
FIRST = Begin(0, {})


class PyTorchSplittingException(StreamError):
    """A chain would give each rank, or each worker, all records."""


class TorchReading:
    """Makes whatever has it a torch IterableDataset when it is made, and reads epoch by epoch."""

    source: Any = None
    epochs_read = 0

    def __new__(cls, *args: Any, **kw: Any) -> Any:  # noqa: ARG004 - for __init__
        """An object whose class is torch's, too."""
        kind: Any = cls
        return object.__new__(_joined(kind))

    def __init__(
        self,
        enforce_rank_check: bool = True,
        enforce_worker_check: bool = True,
    ) -> None:
        self.source = None
        self.enforce_rank_check = enforce_rank_check
        self.enforce_worker_check = enforce_worker_check
        self._shared = Passes()
        self._turn = 0
        self._was_of_several = False

    def as_parts(self) -> Parts:
        """The chain as headrace sees it."""
        return parts_of(self.source)

    def __iter__(self) -> Iterator[Any]:
        worker = worker_of_torch()
        self._check(worker)
        if worker is None:
            epoch = self.epochs_read + self._shared.begun(os.getpid(), FIRST.move)[0]
            self.epochs_read += 1
        else:
            begun, self._turn = starter_of(worker, self._turn), self._turn + 1
            epoch = self.epochs_read + self._shared.begin(begun, FIRST)[1]
        yield from self.as_parts().read(epoch)

    def __reduce__(self) -> tuple[Any, ...]:
        plain: Any = type(self)
        return _received, (plain.plain, {**vars(self), "_was_of_several": self._is_of_several()})

    def _check(self, worker: Any) -> None:
        if self.enforce_rank_check and self._is_of_several() and not is_split(self.source, ByRank):
            raise _unsplit("rank", "split_by_rank_pytorch", "enforce_rank_check")
        if self.enforce_worker_check and worker is not None and not is_split(self.source, ByWorker):
            raise _unsplit("worker", "split_by_worker_pytorch", "enforce_worker_check")

    def _is_of_several(self) -> bool:
        """Whether there are several ranks, here or where it was sent from."""
        found = torch_ranks.found()
        return self._was_of_several or (found is not None and found.world_size > 1)


def is_split(source: Any, kind: type[ByRank] | type[ByWorker]) -> bool:
    """Whether a chain has such a step; of one that joins others, each of them."""
    if not hasattr(source, "as_parts"):
        return False
    if any(isinstance(step, kind) for step in source.chain_steps):
        return True
    members = getattr(source, "chain_members", None)
    if members is None:
        return is_split(source.source, kind)
    return bool(members) and all(is_split(member, kind) for member in members)


@functools.cache
def _joined(kind: Any) -> Any:
    """The class with torch's as a parent, by which torch tells how to read a dataset."""
    if hasattr(kind, "plain"):
        return kind
    parent = imported("torch", extra="torch").utils.data.IterableDataset
    joined: Any = type(kind.__name__, (kind, parent), {"plain": kind})
    return joined


def _received(kind: Any, state: dict[str, Any]) -> Any:
    received = kind.__new__(kind)
    vars(received).update(state)
    return received


def _unsplit(what: str, method: str, check: str) -> PyTorchSplittingException:
    return PyTorchSplittingException(
        f"this chain is read by several {what}s, each of which would give all records. One that is "
        f"split by {what} was expected. Put .{method}() into it, or say {check}=False."
    )

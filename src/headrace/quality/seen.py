"""Which indices stand at the positions that are looked at: all of them, or spread batches."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from operator import index
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.contracts import Indices, Order, Run, bare_visit
from headrace.contracts.errors import ArgumentError
from headrace.dataref import DataRef
from headrace.engine.visited import bound_order
from headrace.orders.bounds import finite
from headrace.streams import Stream

# Any, in this file: streams have records of every type.

# The same positions are looked at each time, so that two measurements compare.
SEED = 0


@dataclass(frozen=True)
class Seen:
    """Whole batches of an order of `count` positions.

    **Shape**: `starts` (batches,), the first position of each; `indices` (batches, size).
    """

    name: str
    count: int
    starts: Indices
    indices: Indices

    @property
    def positions(self) -> Indices:
        """The position of each index."""
        return self.starts[:, None] + np.arange(self.indices.shape[1])


def seen(
    what: Order | DataRef[Any] | Stream[Any] | npt.ArrayLike,
    *,
    batch_size: int,
    epoch: int,
    most: int,
) -> Seen:
    """The indices of one epoch, at most about `most` of them.

    Raises:
        ArgumentError: it gives no indices, or fewer than two.
        StreamError: it has no end.
    """
    order, name = _order(what, epoch)
    if order is not None:
        finite(order, "measure")
        count = order.count(epoch)
        starts, size = _starts(name, count, batch_size, most)
        found = order.at(epoch, (starts[:, None] + np.arange(size)).ravel())
        return Seen(name, count, starts, _one_each(found, name).reshape(-1, size))
    read = _read(what.epoch(epoch), most) if isinstance(what, Stream) else np.asarray(what)
    read = _one_each(read, name)
    starts, size = _starts(name, len(read), batch_size, most)
    return Seen(name, len(read), starts, read[starts[:, None] + np.arange(size)])


def _order(what: Any, epoch: int) -> tuple[Order | None, str]:
    if isinstance(what, Order):
        return what, str(what)
    if isinstance(what, DataRef):
        return what.order, str(what.order)
    if not isinstance(what, Stream):
        return None, "indices"
    visit = bare_visit(what.node)
    if visit is None:
        return None, str(what.node)
    return bound_order(visit, Run(epoch=epoch)), str(what.node)


def _starts(name: str, count: int, batch_size: int, most: int) -> tuple[Indices, int]:
    """Where the batches begin that are looked at, and their size."""
    if count < 2:
        raise ArgumentError(
            f"the shuffle of {name} cannot be measured over {count} position{'s' * (count != 1)}. "
            "At least 2 were expected. Measure it over as many records as are trained on."
        )
    size = min(batch_size, count)
    batches, taken = count // size, max(1, most // size)
    if batches <= taken:
        return np.arange(batches, dtype=np.int64) * size, size
    # One batch at a random place of each stretch: even steps could keep time with a window.
    places = np.random.default_rng(SEED).random(taken) + np.arange(taken)
    chosen = (places * (batches / taken)).astype(np.int64)
    return np.minimum(chosen, batches - 1) * size, size


def _read(stream: Stream[Any], most: int) -> Indices:
    return np.fromiter(map(_index, islice(stream, most)), dtype=np.int64)


def _index(record: Any) -> int:
    number: Any = record[0] if isinstance(record, tuple) and record else record
    try:
        return index(number)
    except TypeError:
        raise ArgumentError(
            f"a stream is measured by its records, and one is {type(record).__name__}. An index, "
            "or a tuple that begins with one, was expected. Put .enumerate() right after the "
            "source, and measure before records are batched."
        ) from None


def _one_each(found: npt.NDArray[Any], name: str) -> Indices:
    if found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise ArgumentError(
            f"{name} gives {found.dtype} of shape {found.shape}, and one index a position was "
            "expected. Measure one of the streams that were zipped, or pass a run of indices."
        )
    return found.astype(np.int64, copy=False)

"""How records flow: ahead, pinned, again, counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.utils.pinning import pin_memory_fn
from headrace.contracts.errors import ArgumentError, whole
from headrace.extras import imported

# Any, in this file: records of every type, and devices of torch.

# Two batches: one is used while the next is pinned.
PINNED_AHEAD = 2


@functional_datapipe("prefetch")
class Prefetcher(IterDataPipe[Any]):
    """`stream.prefetch(buffer_size)`: what comes before runs ahead, in a thread.

    Raises:
        ArgumentError: `buffer_size` is below 1.
    """

    def __init__(self, source_datapipe: IterDataPipe[Any], buffer_size: int = 10) -> None:
        remedy = "To prefetch none, leave it out."
        self.source_datapipe = source_datapipe
        self.buffer_size = whole("'buffer_size'", buffer_size, least=1, remedy=remedy)

    def stream(self) -> hr.Stream[Any]:
        """`stream.prefetch`."""
        return stream_of(self.source_datapipe).prefetch(self.buffer_size)


@functional_datapipe("pin_memory")
class PinMemory(IterDataPipe[Any]):
    """Records in pinned memory, two of them ahead: `stream.through`, `prefetch`.

    A DataLoader with `device=` copies to the device too, while the batch before is used.

    Raises:
        ArgumentError: there is no CUDA.
        MissingExtra: torch is not installed.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[Any],
        device: Any = None,
        pin_memory_fn: Any = pin_memory_fn,
    ) -> None:
        if not imported("torch", extra="torch").cuda.is_available():
            raise ArgumentError(
                "``pin_memory`` can only be used when CUDA is available, and torch finds none. "
                "Leave it out on this machine."
            )
        self.source_datapipe = source_datapipe
        self.device = device
        self.pin_memory_fn = pin_memory_fn

    def is_replicable(self) -> bool:
        """That it stays beside the consumer."""
        return False

    def stream(self) -> hr.Stream[Any]:
        """`stream.through(...).prefetch(2)`."""
        pinned = stream_of(self.source_datapipe).through(Pinned(self.pin_memory_fn, self.device))
        return pinned.prefetch(PINNED_AHEAD)


@functional_datapipe("cycle")
class Cycler(IterDataPipe[Any]):
    """`stream.repeat(count)`: passes, each shuffled anew; endless for None.

    Raises:
        ArgumentError: `count` is negative.
    """

    def __init__(self, source_datapipe: IterDataPipe[Any], count: int | None = None) -> None:
        if count is not None:
            count = whole("count", count, least=0, remedy="None cycles without end.")
        self.source_datapipe = source_datapipe
        self.count = count

    def stream(self) -> hr.Stream[Any]:
        """`stream.repeat`."""
        source = stream_of(self.source_datapipe)
        return source.take(0) if self.count == 0 else source.repeat(self.count)


@functional_datapipe("repeat")
class Repeater(IterDataPipe[Any]):
    """Each record several times, one after the other: `stream.flat_map`.

    Raises:
        ArgumentError: `times` is below 2.
    """

    def __init__(self, source_datapipe: IterDataPipe[Any], times: int) -> None:
        remedy = "Records that come once need no .repeat."
        self.source_datapipe = source_datapipe
        self.times = whole("The number of repetition", times, least=2, remedy=remedy)

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        return stream_of(self.source_datapipe).flat_map(partial(repeat, times=self.times))

    def __len__(self) -> int:
        return len(self.source_datapipe) * self.times


@functional_datapipe("header")
class Header(IterDataPipe[Any]):
    """`stream.take(limit)`: no more than these are drawn; all for None.

    Raises:
        ArgumentError: `limit` is negative.
    """

    def __init__(self, source_datapipe: IterDataPipe[Any], limit: int | None = 10) -> None:
        if limit is not None:
            limit = whole("limit", limit, least=0, remedy="None takes all.")
        self.source_datapipe = source_datapipe
        self.limit = limit

    def stream(self) -> hr.Stream[Any]:
        """`stream.take`."""
        source = stream_of(self.source_datapipe)
        return source if self.limit is None else source.take(self.limit)


@functional_datapipe("set_length")
class LengthSetter(IterDataPipe[Any]):
    """The records as they are, with a length for `len`.

    Raises:
        ArgumentError: `length` is negative.
    """

    def __init__(self, source_datapipe: IterDataPipe[Any], length: int) -> None:
        self.source_datapipe = source_datapipe
        self.length = whole("length", length, least=0, remedy="Leave out .set_length.")

    def stream(self) -> hr.Stream[Any]:
        """The stream before."""
        return stream_of(self.source_datapipe)

    def __len__(self) -> int:
        return self.length


@functional_datapipe("enumerate")
class Enumerator(IterDataPipe[tuple[int, Any]]):
    """`stream.enumerate(starting_index)`."""

    def __init__(self, source_datapipe: IterDataPipe[Any], starting_index: int = 0) -> None:
        self.source_datapipe = source_datapipe
        self.starting_index = starting_index

    def stream(self) -> hr.Stream[Any]:
        """`stream.enumerate`."""
        return stream_of(self.source_datapipe).enumerate(self.starting_index)


@dataclass(frozen=True)
class Pinned:
    """Gives records in pinned memory; beside the consumer, who has the device."""

    pin: Any
    device: Any

    def __call__(self, records: Iterator[Any]) -> Iterator[Any]:
        return (self.pin(record, self.device) for record in records)

"""`Composable`: headrace's Stream in Squirrel's words."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from headrace.compat.squirrel.iterstream.chaining import Parts, Step, parts_of, stream_of
from headrace.compat.squirrel.iterstream.content import AsyncContent
from headrace.compat.squirrel.iterstream.fluent import Fluent
from headrace.compat.squirrel.iterstream.looping import Counted, Loops
from headrace.compat.squirrel.iterstream.torch_reading import TorchReading
from headrace.contracts.errors import ArgumentError, StreamError
from headrace.stages import Repeat
from headrace.streams import Stream

__all__ = ["AsyncContent", "Composable"]

# Any, in this file: records pass through untyped, as in the original.


class Composable(Fluent):
    """A chain of steps over a source; each method gives a longer chain, and nothing runs yet.

    The chain is a `headrace.Stream`, which `as_stream` gives, for a DataLoader with workers and
    an exact state. Iterating runs it in this thread, each time the next epoch, which shuffles
    anew. A class of your own needs `__iter__`, which reads `self.source`.

    Raises:
        StreamError: a class without `__iter__` is read.

    Example:
        >>> class Squares(Composable):
        ...     def __iter__(self):
        ...         for number in self.source:
        ...             yield number * number
        >>> Composable().source_([1, 2]).compose(Squares).batched(2).collect()
        [[1, 4]]
    """

    # Here for classes whose constructor does not call ours.
    source: Any = None
    chain_steps: tuple[Step, ...] = ()
    # How many epochs were read.
    epochs_read = 0

    def __init__(self, source: Any = None) -> None:
        self.source = source

    def __iter__(self) -> Iterator[Any]:
        epoch, self.epochs_read = self.epochs_read, self.epochs_read + 1
        yield from self.as_parts().read(epoch)

    def as_parts(self) -> Parts:
        """The chain as headrace sees it."""
        if type(self) is not Composable and not self.chain_steps:
            raise StreamError(
                f"{type(self).__name__} does not say what it gives. A Composable with __iter__ was "
                "expected. Write it, reading self.source, or begin with IterableSource(...)."
            )
        return parts_of(self.source).then(*self.chain_steps)

    def then(self, *steps: Step) -> Composable:
        """The chain with more steps."""
        return Chained(self, steps)

    def as_stream(self) -> Stream[Any]:
        """The same as a Stream of headrace; ranks and workers are those of this moment."""
        return stream_of(self)

    def source_(self, source: Iterable[Any] | Callable[[], Iterable[Any]]) -> Composable:
        """Sets what it reads; gives itself."""
        self.source = source
        return self

    def compose(self, constructor: Callable[..., Composable], *args: Any, **kw: Any) -> Composable:
        """Puts a Composable of your own behind: `constructor(*args, **kw).source_(self)`.

        Raises:
            ArgumentError: the constructor takes a source, or one is given.
        """
        is_taken = "__init__" in vars(constructor) and (
            "source" in inspect.signature(constructor).parameters
        )
        if is_taken or "source" in kw:
            raise ArgumentError(
                f"compose sets the source of {constructor!r} itself, and a constructor without a "
                "parameter of that name was expected. Read self.source in __iter__."
            )
        return constructor(*args, **kw).source_(self)

    def loop(self, n: int | None = None) -> Looped:
        """Gives `n` epochs as one, without end for None. It is `Stream.repeat`.

        `counter` of what it gives says how many have ended.
        """
        return Looped(self, n)

    def join(self) -> None:
        """Runs one epoch for its effects."""
        for _ in self:
            pass

    def collect(self) -> list[Any]:
        """Gives the records of one epoch."""
        return list(self)

    def sink(self, store: Any, buffer: int = 100, max_workers: int | None = None) -> None:
        """Sets each record in a store now, many at once."""
        self.async_map(store.set, buffer, max_workers).join()

    def to_torch_iterable(
        self,
        enforce_rank_check: bool = True,
        enforce_worker_check: bool = True,
    ) -> TorchIterable:
        """Gives a dataset for torch's DataLoader: `TorchIterable`."""
        dataset = TorchIterable(enforce_rank_check, enforce_worker_check)
        dataset.source_(self)
        return dataset


class Chained(Composable):
    """A chain with steps behind it."""

    def __init__(self, source: Any, steps: tuple[Step, ...]) -> None:
        super().__init__(source)
        self.chain_steps = steps


class Looped(Composable):
    """Several epochs as one."""

    def __init__(self, source: Any, n: int | None) -> None:
        super().__init__(source)
        self.n = n
        self._loops = Loops()
        self.chain_steps = (Counted(self._loops), Repeat(n))

    @property
    def counter(self) -> int:
        """How many epochs have ended, of all iterations together."""
        return self._loops.count


class TorchIterable(TorchReading, Composable):
    """A torch IterableDataset of a chain: each `for` over its DataLoader is the next epoch.

    A chain that would give each worker or rank all records is refused, as long as the checks are
    on: put `split_by_rank_pytorch()` and `split_by_worker_pytorch()` into it, at any place.

    Raises:
        MissingExtra: torch is not installed.
        PyTorchSplittingException: when it is read, the chain is not split.
    """

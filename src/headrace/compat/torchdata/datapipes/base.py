"""DataPipes: picklable descriptions, each of which stands for a headrace Stream.

A pipe holds the pipes before it as attributes. `stream()` is the lazy chain that it stands for,
made from theirs by `stream_of`; a class that overrides `__iter__` instead is drawn from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Generic, TypeVar

import headrace as hr
from headrace.compat.torchdata.datapipes.drawing import Indexed, PipeSource, guarded, one_pass
from headrace.compat.torchdata.datapipes.names import method, register
from headrace.compat.torchdata.datapipes.parents import is_torch_pipe
from headrace.contracts import Run
from headrace.contracts.errors import StreamError

# Any, in this file: records of every type, and pipes of every signature.
T_co = TypeVar("T_co", covariant=True)


class IterDataPipe(Generic[T_co]):
    """A description that is iterated: override `__iter__`, or `stream` as the pipes here do.

    Whichever of the two the more derived class defines counts, and gives the other one. `reset`
    is called at each new iteration, and only the newest iterator is valid. Names that
    `functional_datapipe` has registered are methods: `dp.map(fn)` is `Mapper(dp, fn)`.

    A pipe whose `stream` draws at random has `set_seed`, which keeps the seed as `_seed`;
    `stream` passes it on, None too, and the next iteration uses it up.

    Example:
        >>> class Evens(IterDataPipe):
        ...     def __iter__(self):
        ...         yield from (0, 2, 4)
        >>> list(Evens()), list(Evens().stream().map(str))
        ([0, 2, 4], ['0', '2', '4'])
    """

    # The classes behind the names that are methods, where the original keeps them.
    functions: ClassVar[dict[str, Callable[..., Any]]] = {}
    is_datapipe: ClassVar[bool] = True
    # Whether `stream` is the class's own, so that the pipe is never drawn from.
    stands_for_stream: ClassVar[bool] = False

    _seed: int | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls)
        if "stream" not in own and "__iter__" not in own:
            return
        cls.stands_for_stream = "stream" in own
        if "stream" not in own:
            # The parent's chain would not pass through this __iter__.
            cls.stream = IterDataPipe.stream  # type: ignore[method-assign]
        passes = own.get("__iter__") or _passing(own["stream"])
        cls.__iter__ = guarded(passes)  # type: ignore[method-assign]

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(
            f"{type(self).__name__} was iterated and says no records. A class with __iter__ was "
            "expected. Write it as a generator method."
        )

    def stream(self) -> hr.Stream[Any]:
        """The lazy chain of headrace that this pipe stands for; a new one at each call."""
        return hr.stream(PipeSource(self))

    def reset(self) -> None:
        """Called at each new iteration; override it to drop what is left of the last one."""

    def __len__(self) -> int:
        if not self.stands_for_stream:
            raise _without_length(self)
        # No length depends on the seed, which a run alone gives.
        return self.stream().node.known_length(Run(seed=0))

    def __add__(self, other: Any) -> Any:
        return self.concat(other)

    def __getattr__(self, name: str) -> Any:
        return method(self, IterDataPipe.functions, name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *IterDataPipe.functions]

    def __repr__(self) -> str:
        return type(self).__name__

    def __getstate__(self) -> dict[str, Any]:
        # Iterators and runs belong to their process.
        return {name: one for name, one in vars(self).items() if name not in ("_turn", "_run")}

    @classmethod
    def register_function(cls, function_name: str, function: Callable[..., Any]) -> None:
        """Makes `function(dp, ...)` the method `dp.function_name(...)`."""
        cls.functions[function_name] = function

    @classmethod
    def register_datapipe_as_function(
        cls, function_name: str, cls_to_register: Callable[..., Any]
    ) -> None:
        """Makes a class of pipes a method.

        Raises:
            ArgumentError: there is another of the name.
        """
        register(cls.functions, function_name, cls_to_register)


class MapDataPipe(Generic[T_co]):
    """A description with `__getitem__` and `__len__`; keys are the indices from 0 on.

    `stream` is the chain over all indices in order; the pipes here make theirs of the ones
    before them.

    Example:
        >>> class Squares(MapDataPipe):
        ...     def __getitem__(self, index):
        ...         return index * index
        ...     def __len__(self):
        ...         return 3
        >>> list(Squares().stream())
        [0, 1, 4]
    """

    functions: ClassVar[dict[str, Callable[..., Any]]] = {}
    is_datapipe: ClassVar[bool] = True

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(
            f"{type(self).__name__} was asked for the record {index!r} and has none. A class with "
            "__getitem__ was expected. Define it, and __len__."
        )

    def __len__(self) -> int:
        raise _without_length(self)

    def stream(self) -> hr.Stream[Any]:
        """The records of all indices, in order, with random access; a new chain at each call."""
        return hr.stream(Indexed(self))

    def __add__(self, other: Any) -> Any:
        return self.concat(other)

    def __getattr__(self, name: str) -> Any:
        return method(self, MapDataPipe.functions, name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *MapDataPipe.functions]

    def __repr__(self) -> str:
        return type(self).__name__

    @classmethod
    def register_function(cls, function_name: str, function: Callable[..., Any]) -> None:
        """Makes `function(dp, ...)` the method `dp.function_name(...)`."""
        cls.functions[function_name] = function

    @classmethod
    def register_datapipe_as_function(
        cls, function_name: str, cls_to_register: Callable[..., Any]
    ) -> None:
        """Makes a class of pipes a method.

        Raises:
            ArgumentError: there is another of the name.
        """
        register(cls.functions, function_name, cls_to_register)


def stream_of(source: Any) -> hr.Stream[Any]:
    """The chain of a pipe, ours or torch's, or of any iterable: what a pipe stands on.

    Example:
        >>> stream_of([1, 2]).collect()
        [1, 2]
    """
    if isinstance(source, IterDataPipe | MapDataPipe):
        return source.stream()
    return hr.stream(PipeSource(source) if is_torch_pipe(source) else source)


def _passing(stream: Callable[[Any], hr.Stream[Any]]) -> Callable[[Any], Iterator[Any]]:
    # Of the class itself, so that super().__iter__() of a derived one finds this chain.
    def passes(self: Any) -> Iterator[Any]:
        return one_pass(self, stream(self))

    return passes


def _without_length(pipe: object) -> StreamError:
    return StreamError(
        f"{type(pipe).__name__} instance doesn't have valid length: it was asked of a class that "
        "does not say it. A __len__ was expected. Define one."
    )

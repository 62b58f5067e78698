"""`functional_datapipe`: a class of one's own as a method of every pipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from headrace.compat.torchdata.datapipes.base import IterDataPipe, MapDataPipe
from headrace.compat.torchdata.datapipes.parents import is_torch_class
from headrace.contracts.errors import StreamError

C = TypeVar("C", bound=type)


def functional_datapipe(name: str, enable_df_api_tracing: bool = False) -> Callable[[C], C]:  # noqa: ARG001 - the original's signature
    """Makes the decorated class of pipes the method `dp.name(...)`.

    Raises:
        StreamError: it is no class of pipes.
        ArgumentError: the name is taken.

    Example:
        >>> @functional_datapipe("doubled")
        ... class Doubler(IterDataPipe):
        ...     def __init__(self, source_datapipe):
        ...         self.source_datapipe = source_datapipe
        ...     def __iter__(self):
        ...         for record in self.source_datapipe:
        ...             yield 2 * record
        >>> class Three(IterDataPipe):
        ...     def __iter__(self):
        ...         yield from (1, 2, 3)
        >>> list(Three().doubled())
        [2, 4, 6]
    """

    def registered(cls: C) -> C:
        if issubclass(cls, IterDataPipe):
            IterDataPipe.register_datapipe_as_function(name, cls)
        elif issubclass(cls, MapDataPipe):
            MapDataPipe.register_datapipe_as_function(name, cls)
        elif is_torch_class(cls):
            # A class of torch's that this facade is to know: it takes pipes of both kinds.
            IterDataPipe.register_datapipe_as_function(name, cls)
        else:
            raise StreamError(
                f"functional_datapipe({name!r}) decorates a class of pipes, got {cls!r}. An "
                "IterDataPipe or a MapDataPipe was expected. Derive the class from one."
            )
        return cls

    return registered

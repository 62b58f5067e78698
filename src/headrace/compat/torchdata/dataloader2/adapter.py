"""Functions from a graph of pipes to a graph, which DataLoader2 calls once."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import Any

from headrace.compat.torchdata.dataloader2.graph.utils import DataPipe
from headrace.compat.torchdata.datapipes.parents import upstream
from headrace.contracts.errors import ArgumentError

# Any, in this file: pipes of every class.
logger = logging.getLogger("headrace")


class Adapter(ABC):
    """A function of a graph: `DataLoader2(dp, adapter)` runs what it returns."""

    @abstractmethod
    def __call__(self, datapipe: DataPipe) -> DataPipe:
        """The graph to run."""


class Shuffle(Adapter):
    """Turns the shuffles of a graph on or off; None leaves them as they are.

    With True a graph that has none gets one at its end.

    Example:
        >>> from headrace.compat.torchdata.datapipes.iter import IterableWrapper
        >>> list(Shuffle(False)(IterableWrapper([1, 2, 3]).shuffle()))
        [1, 2, 3]
    """

    def __init__(self, enable: bool | None = True) -> None:
        self.enable = enable

    def __call__(self, datapipe: DataPipe) -> DataPipe:
        """The graph with its shuffles turned on or off."""
        if self.enable is None:
            return datapipe
        found = [one for one in upstream(datapipe) if callable(_of_class(one, "set_shuffle"))]
        for one in found:
            one.set_shuffle(self.enable)
        if self.enable and not found:
            logger.warning(
                "Shuffle(True) was asked of a graph without a shuffle, so records are shuffled "
                "at its end. Put dp.shuffle() before the sharding filter."
            )
            return datapipe.shuffle()
        return datapipe


class CacheTimeout(Adapter):
    """Sets how many seconds the on-disk caches of a graph wait for other processes.

    Raises:
        ArgumentError: `timeout` is no number.
    """

    def __init__(self, timeout: int | None = None) -> None:
        if timeout is None:
            raise ArgumentError(
                "timeout should be integer, got None. A number of seconds was expected. Give "
                "CacheTimeout(300)."
            )
        self.timeout = timeout

    def __call__(self, datapipe: DataPipe) -> DataPipe:
        """The graph with its caches told."""
        for one in upstream(datapipe):
            if callable(_of_class(one, "set_timeout")):
                one.set_timeout(self.timeout)
        return datapipe


def _of_class(pipe: Any, name: str) -> Any:
    # An instance's unknown names are looked up among the registered functions.
    return getattr(type(pipe), name, None)

"""`SequentialReadingService`: several services, one after the other."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from typing import Any

from headrace.compat.torchdata.dataloader2.distributed import DistributedReadingService
from headrace.compat.torchdata.dataloader2.graph.utils import DataPipe
from headrace.compat.torchdata.dataloader2.in_process import InProcessReadingService
from headrace.compat.torchdata.dataloader2.interface import (
    CheckpointableReadingServiceInterface,
    ReadingServiceInterface,
    Reset,
)
from headrace.compat.torchdata.dataloader2.multiprocess import MultiProcessingReadingService
from headrace.compat.torchdata.dataloader2.random import SeedGenerator
from headrace.contracts.errors import StateError

# Any, in this file: hooks of services of one's own take and give what they like.
logger = logging.getLogger("headrace")
# Their state is the loader's.
WITHOUT_STATE = (
    DistributedReadingService,
    InProcessReadingService,
    MultiProcessingReadingService,
)


class SequentialReadingService(CheckpointableReadingServiceInterface):
    """Asks several services in order, and at the end in reverse.

    The ranks' service stands first: `SequentialReadingService(dist_rs, mp_rs)`.
    """

    def __init__(self, *reading_services: ReadingServiceInterface) -> None:
        self.reading_services = reading_services

    def initialize(self, datapipe: DataPipe) -> DataPipe:
        """The graph as all of them return it, in order."""
        for service in self.reading_services:
            datapipe = service.initialize(datapipe)
        return datapipe

    def finalize(self) -> None:
        """Ends them, the last one first."""
        for service in reversed(self.reading_services):
            service.finalize()

    def initialize_iteration(
        self, seed_generator: SeedGenerator, iter_reset_fn: Reset | None = None
    ) -> Reset | None:
        """Asks each; a function that one returns is given to the next."""
        for service in self.reading_services:
            iter_reset_fn = service.initialize_iteration(
                seed_generator=seed_generator, iter_reset_fn=iter_reset_fn
            )
        return iter_reset_fn

    def finalize_iteration(self) -> None:
        """Tells each, the last one first."""
        for service in reversed(self.reading_services):
            service.finalize_iteration()

    def checkpoint(self) -> bytes:
        """The states of those that have one, as JSON."""
        return json.dumps([_state(service) for service in self.reading_services]).encode()

    def restore(self, datapipe: DataPipe, serialized_state: bytes) -> DataPipe:
        """Restores those that have a state, and initialises the others.

        Raises:
            StateError: it is the state of other services.
        """
        states = json.loads(serialized_state)
        if len(states) != len(self.reading_services):
            raise StateError(
                f"a state of {len(states)} reading services was loaded into "
                f"{len(self.reading_services)}. The state of as many was expected. Make the "
                "SequentialReadingService as it was when the state was saved."
            )
        for service, state in zip(self.reading_services, states, strict=True):
            if isinstance(service, CheckpointableReadingServiceInterface) and state is not None:
                datapipe = service.restore(datapipe, base64.b64decode(state))
            else:
                datapipe = service.initialize(datapipe)
        return datapipe

    def _pause(self, pause_fn: Any = None) -> Any:
        return self._chained("_pause", pause_fn)

    def _resume(self, resume_fn: Any = None) -> Any:
        return self._chained("_resume", resume_fn)

    def _limit(self, num_batches: int | None, limit_fn: Any = None) -> Any:
        return self._chained("_limit", limit_fn, num_batches)

    def _chained(self, name: str, fn: Any, *args: Any) -> Any:
        for service in self.reading_services:
            hook: Callable[..., Any] | None = getattr(service, name, None)
            if hook is not None:
                fn = hook(*args, fn)
        return fn


def is_ours(service: ReadingServiceInterface | None) -> bool:
    """Whether a service is one of headrace's own, which leave a graph as it is from then on."""
    if type(service) is SequentialReadingService:
        return all(is_ours(one) for one in service.reading_services)
    return service is None or type(service) in WITHOUT_STATE


def _state(service: ReadingServiceInterface) -> str | None:
    if isinstance(service, CheckpointableReadingServiceInterface):
        return base64.b64encode(service.checkpoint()).decode()
    if not isinstance(service, WITHOUT_STATE):
        logger.warning("%r doesn't support `checkpoint`: nothing of it is saved.", service)
    return None

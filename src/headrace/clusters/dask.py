"""A client of a Dask cluster: is it connected, how many threads has it, are they still there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from headrace.contracts.errors import StreamError

# Any, in this file: a package without types.
# A cluster that had workers and has none for so long has lost them: Dask itself would wait.
LOST_SECONDS = 30.0


def check_client(client: Any, name: str) -> None:
    """Refuses a client that can submit nothing.

    Raises:
        StreamError: it is closed or asynchronous.
    """
    if client.asynchronous or client.status != "running":
        state = "asynchronous" if client.asynchronous else client.status
        raise StreamError(
            f"{name} needs a dask client that is connected and synchronous, this one is "
            f"{state}. Make a new one: Client(address)."
        )


def threads_of(client: Any) -> tuple[int, ...]:
    """The threads of each worker of the cluster now; none where the client is not connected."""
    return tuple(client.nthreads().values()) if client.status == "running" else ()


def forget(client: Any, futures: Sequence[Any]) -> None:
    """Cancels what has not begun."""
    if futures and client.status == "running":
        # Not awaited: an answer may never come from a cluster that is gone.
        client.loop.add_callback(client._cancel, list(futures))


class Pulse:
    """Whether results can still come; `name` says in errors who waits for them."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name
        # Whether there were workers, and since when there are none.
        self._had_workers = bool(threads_of(client))
        self._none_since: float | None = None

    def check(self) -> None:
        """Does nothing while the cluster lives.

        Raises:
            StreamError: the client has lost its scheduler, or the cluster its last worker.
        """
        if self._client.status == "running":
            threads = threads_of(self._client)
            self._had_workers = self._had_workers or bool(threads)
            if threads or not self._had_workers:
                self._none_since = None
                return
            self._none_since = self._none_since or time.monotonic()
            if time.monotonic() - self._none_since < LOST_SECONDS:
                return
        raise StreamError(
            f"{self._name}: the dask cluster has lost all its workers, or the client its "
            "scheduler. Start workers, make a new Client, and resume."
        )

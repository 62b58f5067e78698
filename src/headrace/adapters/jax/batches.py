"""A loader's batches on JAX devices, some ahead of the one that is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any, SupportsIndex

from headrace.contracts import Record
from headrace.contracts.errors import ArgumentError, whole
from headrace.loader import DataLoader
from headrace.tensors.jax import put


def device_batches(
    loader: DataLoader[Any],  # Any: batches of any type
    *,
    size: SupportsIndex = 2,
    device: Any = None,  # Any: a jax.Device or a Sharding, of an optional package
) -> Iterator[Record]:
    """The next epoch of a loader as JAX arrays, `size` batches on the device or on their way.

    The batch that is given is one of them: while it is used the others are copied, since JAX's
    transfers return at once. A sharding spreads each array over its devices; a batch must then
    divide among them: use `batch(..., drop_last=True)`. What has no JAX dtype stays as it is.

    **State**: `loader.state_dict(delivered=n)` after n batches were used; the loader itself is
    ahead of them.

    Raises:
        ArgumentError: `loader` is no headrace DataLoader, or `size` is below 1.
        MissingExtra: JAX is not installed; raised by the first batch.

    Example:
        >>> import headrace as hr
        >>> from headrace.adapters.jax import device_batches
        >>> loader = hr.DataLoader(hr.stream(range(4)).batch(2))
        >>> [batch.tolist() for batch in device_batches(loader)]
        [[0, 1], [2, 3]]
        >>> loader.state_dict(delivered=1)["at"]
        1
    """
    if not isinstance(loader, DataLoader):
        raise ArgumentError(
            f"device_batches takes a headrace DataLoader, got {type(loader).__name__}. "
            "Make one: hr.DataLoader(stream)."
        )
    counted = whole("size", size, least=1, remedy="2 copies one batch while one is used.")
    return _ahead(iter(loader), counted, device)


def _ahead(batches: Iterator[Record], size: int, where: Any) -> Iterator[Record]:  # Any: as in put
    flying: deque[Record] = deque(put(batch, where) for batch in islice(batches, size))
    while flying:
        yield flying.popleft()
        flying.extend(put(batch, where) for batch in islice(batches, 1))

"""What torchdata's DataPipes come with: open files, pinned memory."""

from __future__ import annotations

from typing import Any

from headrace.compat.torchdata.datapipes.opened import StreamWrapper
from headrace.compat.torchdata.datapipes.utils.pinning import pin_memory_fn
from headrace.contracts.errors import StreamError

__all__ = ["StreamWrapper", "janitor", "pin_memory_fn", "to_graph"]

# Any, in this file: records and pipes of every type.


def janitor(obj: Any) -> None:
    """Closes the open files in a record."""
    StreamWrapper.close_streams(obj)


def to_graph(dp: Any, *, debug: bool = False) -> Any:  # noqa: ARG001 - the original's signature
    """Is not carried over. Raises StreamError."""
    raise StreamError(
        "to_graph is not carried over from torchdata to headrace. print(dp.stream().explain()) "
        "draws the chain, with what runs where."
    )

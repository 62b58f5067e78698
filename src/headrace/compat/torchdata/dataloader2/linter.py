"""What is likely a mistake in a graph of pipes."""

from __future__ import annotations

from headrace.compat.torchdata.dataloader2.graph.utils import DataPipe, is_sharding
from headrace.compat.torchdata.datapipes.parents import parents, upstream


def _check_shuffle_before_sharding(datapipe: DataPipe) -> bool:
    """Whether each path through a sharding filter is shuffled before it."""
    return all(_is_shuffled(one) for one in upstream(datapipe) if is_sharding(one))


def _is_shuffled(pipe: DataPipe) -> bool:
    """Whether a shuffle stands on each path before a pipe."""
    before = parents(pipe)
    return bool(before) and all(
        callable(getattr(type(one), "set_shuffle", None)) or _is_shuffled(one) for one in before
    )

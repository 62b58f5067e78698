"""The graph of pipes: what is before what, found, listed and changed."""

from __future__ import annotations

from headrace.compat.torchdata.dataloader2.graph.settings import (
    set_datapipes_seed,
    set_graph_random_seed,
)
from headrace.compat.torchdata.dataloader2.graph.utils import (
    DataPipe,
    DataPipeGraph,
    find_dps,
    list_dps,
    remove_dp,
    replace_dp,
    traverse_dps,
)

__all__ = [
    "DataPipe",
    "DataPipeGraph",
    "find_dps",
    "list_dps",
    "remove_dp",
    "replace_dp",
    "set_datapipes_seed",
    "set_graph_random_seed",
    "traverse_dps",
]

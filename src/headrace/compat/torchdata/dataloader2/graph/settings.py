"""Seeds of the pipes of a graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headrace.compat.torchdata.dataloader2.graph.utils import DataPipe, is_sharding
from headrace.compat.torchdata.dataloader2.random import SeedGenerator
from headrace.compat.torchdata.datapipes.parents import upstream

# Any, in this file: pipes of every class.


def set_datapipes_seed(
    datapipes: Iterable[DataPipe],
    seed_generator: SeedGenerator,
    distributed_shared: bool,
) -> None:
    """Gives a seed to each pipe that has `set_seed`: one shared by all workers, or of one's own."""
    for pipe in datapipes:
        if _is_random(pipe):
            shared = seed_generator.generate_shared_seed
            pipe.set_seed(shared() if distributed_shared else seed_generator.generate_seed())


def set_graph_random_seed(datapipe: DataPipe, seed_generator: SeedGenerator) -> DataPipe:
    """Seeds a graph: what stands before a sharding filter, or is one, shared; all else not.

    Subclasses of the filter count, too.
    """
    every = upstream(datapipe)
    before = {id(one): one for mark in every if is_sharding(mark) for one in upstream(mark)}
    set_datapipes_seed(before.values(), seed_generator, distributed_shared=True)
    others = [one for one in every if id(one) not in before]
    set_datapipes_seed(others, seed_generator, distributed_shared=False)
    return datapipe


def _is_random(pipe: Any) -> bool:
    # Of the class: an instance's unknown names are looked up among the registered functions.
    return callable(getattr(type(pipe), "set_seed", None))

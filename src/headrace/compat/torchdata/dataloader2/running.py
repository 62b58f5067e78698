"""A graph of pipes as it runs: the headrace DataLoader that a DataLoader2 stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import headrace as hr
from headrace.compat.torchdata.dataloader2.graph.utils import DataPipe, cloned
from headrace.compat.torchdata.dataloader2.lent import Lent
from headrace.compat.torchdata.dataloader2.sharing import Setting, shared_out
from headrace.compat.torchdata.datapipes.base import stream_of
from headrace.compat.torchdata.datapipes.drawing import placed
from headrace.compat.torchdata.datapipes.parents import upstream
from headrace.contracts import Run, State
from headrace.engine import Resume

# Any, in this file: records of every type.


@dataclass(frozen=True)
class Running:
    """A graph with the loader that runs it, on workers that are lent."""

    datapipe: DataPipe
    loader: hr.DataLoader[Any]
    lent: Lent
    # Of the records, where they are not the loader's to share.
    share: tuple[int, int] = (0, 1)

    @staticmethod
    def of(datapipe: DataPipe, before: Running | None) -> Running:
        """A graph as its services have left it; on the workers of the one that ran before."""
        graph = cloned(datapipe)
        for number, one in enumerate(upstream(graph)):
            # What services have added.
            vars(one).setdefault("_number", -1 - number)
        settings = [one for one in upstream(graph) if isinstance(one, Setting)]
        if before is not None:
            before.loader.shutdown()
            lent = before.lent
        else:
            backends = [one.backend for one in settings if one.backend is not None]
            lent = Lent(backends[0] if backends else hr.Inline())
        given = [one.ranks for one in settings if one.ranks is not None]
        found = shared_out(graph, given[0] if given else None)
        loader = hr.DataLoader(
            stream_of(found.datapipe),
            backend=lent,
            ranks=found.ranks,
            epoch_end="shortest",
            # States of chains that cannot be merged load on the ranks that saved them.
            elastic=False,
        )
        return Running(found.datapipe, loader, lent, found.share)

    def start_of(self, epoch: int, seed: int) -> State:
        """The state at the start of an epoch."""
        return Resume(self.loader.node, epoch, seed, seed).state(None)

    def begin(self, state: State) -> None:
        """Makes a state the place where the next pass begins."""
        self.loader.load_state_dict(state)
        run = Run(epoch=state["epoch"], seed=state["seed"])
        placed(self.datapipe, self.lent.placed(run))

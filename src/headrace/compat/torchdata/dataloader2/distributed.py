"""`DistributedReadingService`: a graph whose records the ranks share."""

from __future__ import annotations

import headrace as hr
from headrace.compat.torchdata.dataloader2.graph.utils import DataPipe
from headrace.compat.torchdata.dataloader2.interface import ReadingServiceInterface, Reset
from headrace.compat.torchdata.dataloader2.random import SeedGenerator, dist_share_seed
from headrace.compat.torchdata.dataloader2.sharing import Setting
from headrace.contracts.errors import RankError
from headrace.ranks.ranks import ALONE

# As the original, in seconds.
TIMEOUT_S = 30 * 60


class DistributedReadingService(ReadingServiceInterface):
    """Shares records out among ranks: `headrace.DataLoader(..., ranks=, epoch_end="shortest")`.

    They are shared at `sharding_filter`, or at `sharding_round_robin_dispatch` where there is no
    filter; a graph with neither gives all of its records on each rank, and says so. All ranks
    have the seed of rank 0. An epoch ends on all of them after as many batches as the rank with
    the fewest has; they agree once for several batches, or not at all where the numbers are
    known. A rank that another waits for longer than `timeout` seconds is named in a RankError.

    Raises:
        ArgumentError: `timeout` is no number above 0.
        RankError: no process group is initialised when the first epoch begins.
    """

    def __init__(self, timeout: int = TIMEOUT_S) -> None:
        # Checks the time here, where the user wrote it.
        hr.Ranks(0, 1, timeout_s=timeout)
        self.timeout = timeout
        self.ranks = hr.Ranks(0, 1)

    def initialize(self, datapipe: DataPipe) -> DataPipe:
        """The graph, with the ranks that share it."""
        self.ranks = hr.Ranks.detect(timeout_s=self.timeout)
        if self.ranks.source == ALONE:
            raise RankError(
                "Torch Distributed is required to be initialized to use "
                "`DistributedReadingService`, and this process is alone. A process group was "
                "expected. Call torch.distributed.init_process_group before the first epoch."
            )
        return Setting(datapipe, ranks=self.ranks)

    def initialize_iteration(
        self, seed_generator: SeedGenerator, iter_reset_fn: Reset | None = None
    ) -> Reset | None:
        """Makes the seed of rank 0 that of all."""
        seed_generator.seed(dist_share_seed(seed_generator.given, self.ranks))
        seed_generator.spawn(self.ranks.rank, inplace=True)
        return iter_reset_fn

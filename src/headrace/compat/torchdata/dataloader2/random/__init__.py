"""Seeds of pipes, and one seed for all ranks."""

from __future__ import annotations

from headrace.compat.torchdata.dataloader2.random.distributed import dist_share_seed
from headrace.compat.torchdata.dataloader2.random.seed_generator import SeedGenerator

__all__ = ["SeedGenerator", "dist_share_seed"]

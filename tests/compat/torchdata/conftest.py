"""Two real ranks, as the tests of ranks have them."""

from __future__ import annotations

import cloudpickle
from tests.compat.torchdata.dataloader2 import pipes
from tests.ranks.conftest import make_processes, make_world, two_ranks

__all__ = ["make_processes", "make_world", "two_ranks"]

# Ranks do not find the tests.
cloudpickle.register_pickle_by_value(pipes)

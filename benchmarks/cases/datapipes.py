"""torchdata's DataPipes: W5."""

from __future__ import annotations

from collections.abc import Iterable

from torchdata.datapipes.iter import IterableWrapper

from benchmarks.case import Case
from benchmarks.chain import keep, rate, triple
from benchmarks.sizes import RANGE_BATCH


def _range_chain(records: int) -> Iterable[list[int]]:
    return IterableWrapper(range(records)).map(triple).filter(keep).batch(RANGE_BATCH)


CASES = [Case("W5", "DataPipes", lambda bench: rate(bench, _range_chain))]

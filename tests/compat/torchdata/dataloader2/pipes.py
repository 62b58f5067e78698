"""Functions and pipes that these tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from headrace.compat.torchdata.datapipes import IterDataPipe

# Any, in this file: records of every type.


def where(record: Any) -> tuple[Any, int]:
    return record, os.getpid()


def is_even(record: int) -> bool:
    return record % 2 == 0


class Passing(IterDataPipe[Any]):
    """A class of a user's own: records pass, and it counts what it is told."""

    def __init__(self, source_datapipe: Any) -> None:
        self.source_datapipe = source_datapipe
        self.seeds: list[int] = []

    def set_seed(self, seed: int) -> Passing:
        self.seeds.append(seed)
        return self

    def __iter__(self) -> Iterator[Any]:
        yield from self.source_datapipe


def flat(batches: Any) -> list[Any]:
    return [record for batch in batches for record in batch]

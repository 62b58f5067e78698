"""Names of numbered files written short: `data-{00..05}.tar`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.contracts.errors import ArgumentError

# Any, in this file: records of every type.

RANGE = re.compile(r"[{](\d+)[.][.](\d+)[}]")


@functional_datapipe("shard_expand")
class ShardExpander(IterDataPipe[str]):
    """The names that a range in braces stands for: `stream.flat_map`.

    Raises:
        ArgumentError: when it is read, a range that ends before it begins.
    """

    def __init__(self, source_datapipe: IterDataPipe[str]) -> None:
        self.source_datapipe = source_datapipe

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        return stream_of(self.source_datapipe).flat_map(expanded)


def expanded(name: str) -> Iterator[str]:
    """The names of all numbers of each range, as wide as it says."""
    found = RANGE.search(name)
    if found is None:
        yield name
        return
    low, high = found.groups()
    if int(low) > int(high) or (len(low) != len(high) and low != str(int(low))):
        raise ArgumentError(
            f"shard_expand: bad range in shard spec {name!r}. A first number that is not above "
            "the last was expected, and as wide as it where it begins with 0."
        )
    width = len(low) if low.startswith("0") and len(low) == len(high) else 0
    for number in range(int(low), int(high) + 1):
        for rest in expanded(name[found.end() :]):
            yield f"{name[: found.start()]}{number:0{width}d}{rest}"

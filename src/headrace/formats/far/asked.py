"""Rows that are asked for, shard by shard: each once, and rising."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.shards.gather import Numbers
from headrace.formats.shards.spans import Places


@dataclass(frozen=True)
class Asked:
    """The rows that a read wants of each shard, by its number.

    For each place, `shards` says the ordinal of its shard among them, and `ranks` that of its row
    among the rows of the shard.
    """

    rows: dict[int, Numbers]
    shards: Numbers
    ranks: Numbers

    @staticmethod
    def of(places: Places) -> Asked:
        """The rows at the places."""
        numbers = np.broadcast_to(places.shards, places.rows.shape)
        order = np.lexsort((places.rows, numbers))
        rows = places.rows[order]
        begins_shard = np.ones(len(order), np.bool_)
        begins_shard[1:] = np.diff(numbers[order]) != 0
        is_new = begins_shard.copy()
        is_new[1:] |= np.diff(rows) != 0
        counts = np.cumsum(is_new) - 1
        begins = counts[begins_shard]
        ordinals = np.cumsum(begins_shard) - 1
        shards, ranks = np.empty_like(order), np.empty_like(order)
        shards[order], ranks[order] = ordinals, counts - begins[ordinals]
        wanted = np.split(rows[is_new], begins[1:])
        names = numbers[order][begins_shard].tolist()
        return Asked(dict(zip(names, wanted, strict=True)), shards, ranks)

"""How well an order mixes, as numbers: of any order, dataset, stream, or run of indices."""

from __future__ import annotations

from headrace.quality.measured import shuffle_quality
from headrace.quality.report import ShuffleQuality

__all__ = ["ShuffleQuality", "shuffle_quality"]

"""How a chain runs: told apart into order, segment and consumer, read inline or in tasks."""

from __future__ import annotations

from headrace.engine.chain import Chain
from headrace.engine.explain import chain_html, explain
from headrace.engine.resume import Resume
from headrace.engine.stats import StageStats, Stats, held, profiled, stats_of
from headrace.engine.submitted import ChainSource

__all__ = [
    "Chain",
    "ChainSource",
    "Resume",
    "StageStats",
    "Stats",
    "chain_html",
    "explain",
    "held",
    "profiled",
    "stats_of",
]

"""How a chain runs: told apart into order, segment and consumer, read inline or in tasks."""

from __future__ import annotations

from headrace.engine.chain import Chain
from headrace.engine.explain import chain_html, explain
from headrace.engine.lint import Lint, lint
from headrace.engine.merge import merge_states
from headrace.engine.resume import Resume
from headrace.engine.stats import StageStats, Stats, profiled, stats_of
from headrace.engine.submitted import ChainSource
from headrace.engine.turns import held
from headrace.engine.verdict import duration

__all__ = [
    "Chain",
    "ChainSource",
    "Lint",
    "Resume",
    "StageStats",
    "Stats",
    "chain_html",
    "duration",
    "explain",
    "held",
    "lint",
    "merge_states",
    "profiled",
    "stats_of",
]

"""What happens to records: one file a stage. A stage knows neither its parent nor its place."""

from __future__ import annotations

from headrace.stages.batch import Batch, Collate
from headrace.stages.collate import CollateLists
from headrace.stages.concat import Concat, concat_visits
from headrace.stages.enumerate import Enumerate
from headrace.stages.filter import Filter
from headrace.stages.flat_map import FlatMap
from headrace.stages.map import Map
from headrace.stages.rebatch import Rebatch
from headrace.stages.repeat import Repeat
from headrace.stages.shard import Shard
from headrace.stages.shuffle import Shuffle
from headrace.stages.skip import Skip
from headrace.stages.take import Take
from headrace.stages.tap import Tap
from headrace.stages.unbatch import Unbatch
from headrace.stages.zip import Zip

# The method of Stream that adds each stage; a test holds the two together.
OPERATORS = {
    "batch": Batch,
    "collate": CollateLists,
    "concat": Concat,
    "enumerate": Enumerate,
    "filter": Filter,
    "flat_map": FlatMap,
    "map": Map,
    "rebatch": Rebatch,
    "repeat": Repeat,
    "shard": Shard,
    "shuffle": Shuffle,
    "skip": Skip,
    "take": Take,
    "tap": Tap,
    "unbatch": Unbatch,
    "zip": Zip,
}

__all__ = [
    "Batch",
    "Collate",
    "CollateLists",
    "Concat",
    "Enumerate",
    "Filter",
    "FlatMap",
    "Map",
    "OPERATORS",
    "Rebatch",
    "Repeat",
    "Shard",
    "Shuffle",
    "Skip",
    "Take",
    "Tap",
    "Unbatch",
    "Zip",
    "concat_visits",
]

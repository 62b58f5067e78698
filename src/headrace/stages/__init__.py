"""What happens to records: one file a stage. A stage knows neither its parent nor its place."""

from __future__ import annotations

from collections.abc import Callable

from headrace.stages.async_map import AsyncMap
from headrace.stages.batch import Batch, Collate
from headrace.stages.bucket import Bucket
from headrace.stages.cache import Cache
from headrace.stages.cache_reshuffled import ReshuffledCache
from headrace.stages.choose import Choose
from headrace.stages.collate import CollateLists
from headrace.stages.concat import Concat, concat_visits
from headrace.stages.cycle import Cycle
from headrace.stages.demux import demuxing
from headrace.stages.enumerate import Enumerate
from headrace.stages.filter import Filter
from headrace.stages.flat_map import FlatMap
from headrace.stages.fork import FORK_BUFFER, Fork, forking
from headrace.stages.group_by import GroupBy
from headrace.stages.interleave import Interleave
from headrace.stages.map import Map
from headrace.stages.mix import Mix, mix_rule, mixing
from headrace.stages.monitor import Monitor, Report
from headrace.stages.on_error import OnError, Policy
from headrace.stages.pack import PACK_WINDOW, Mode, packing
from headrace.stages.pack_first_fit import Overflow, PackFirstFit
from headrace.stages.pack_split import PackSplit
from headrace.stages.pad import PadLists
from headrace.stages.prefetch import Prefetch
from headrace.stages.progress import Progress
from headrace.stages.rebatch import Rebatch
from headrace.stages.repeat import Repeat
from headrace.stages.rotate import Medium, Rotate
from headrace.stages.shard import Shard
from headrace.stages.shuffle import Shuffle
from headrace.stages.skip import Skip
from headrace.stages.take import Take
from headrace.stages.tap import Tap
from headrace.stages.through import Through
from headrace.stages.turns import mixed_visit
from headrace.stages.unbatch import Unbatch
from headrace.stages.window import Joined, Window
from headrace.stages.zip import Zip

# The method of Stream that adds each stage; a test holds the two together.
OPERATORS: dict[str, Callable[..., object]] = {
    "async_map": AsyncMap,
    "batch": Batch,
    "bucket": Bucket,
    "cache": Cache,
    "choose": Choose,
    "collate": CollateLists,
    "concat": Concat,
    "cycle": Cycle,
    "demux": demuxing,
    "enumerate": Enumerate,
    "filter": Filter,
    "flat_map": FlatMap,
    "fork": forking,
    "group_by": GroupBy,
    "interleave": Interleave,
    "map": Map,
    "mix": mixing,
    "monitor": Monitor,
    "on_error": OnError,
    "progress": Progress,
    "pack": packing,
    "pad": PadLists,
    "prefetch": Prefetch,
    "rebatch": Rebatch,
    "repeat": Repeat,
    "rotate": Rotate,
    "shard": Shard,
    "shuffle": Shuffle,
    "skip": Skip,
    "take": Take,
    "tap": Tap,
    "through": Through,
    "unbatch": Unbatch,
    "window": Window,
    "zip": Zip,
}

__all__ = [
    "AsyncMap",
    "Batch",
    "Bucket",
    "Cache",
    "Choose",
    "Collate",
    "CollateLists",
    "Concat",
    "Cycle",
    "Enumerate",
    "FORK_BUFFER",
    "Filter",
    "FlatMap",
    "Fork",
    "GroupBy",
    "Interleave",
    "Joined",
    "Map",
    "Medium",
    "Mix",
    "Monitor",
    "Mode",
    "OPERATORS",
    "OnError",
    "Overflow",
    "PACK_WINDOW",
    "PackFirstFit",
    "PackSplit",
    "PadLists",
    "Policy",
    "Progress",
    "Prefetch",
    "Rebatch",
    "Repeat",
    "Report",
    "ReshuffledCache",
    "Rotate",
    "Shard",
    "Shuffle",
    "Skip",
    "Take",
    "Tap",
    "Through",
    "Unbatch",
    "Window",
    "Zip",
    "concat_visits",
    "demuxing",
    "forking",
    "mix_rule",
    "mixed_visit",
    "mixing",
    "packing",
]

"""YogaDL's names: a Storage gives a DataRef, which is streamed; each stands on headrace's own.

    import headrace.compat.yogadl as yogadl

No package but headrace is needed, until a function of `yogadl.tensorflow` is called.
"""

from __future__ import annotations

from headrace.compat.yogadl import constants, dataref, rw_coordinator, storage, tensorflow
from headrace.compat.yogadl.core import DataRef, Storage, Submittable
from headrace.compat.yogadl.generator import GeneratorFromKeys
from headrace.compat.yogadl.keys import (
    non_sequential_shard,
    sequential_shard,
    shard_keys,
    shuffle_keys,
)
from headrace.compat.yogadl.lmdb import LmdbAccess, serialize_generator_to_lmdb
from headrace.compat.yogadl.random_state import RandomStateShuffled
from headrace.compat.yogadl.stream import Stream

__all__ = [
    "DataRef",
    "GeneratorFromKeys",
    "LmdbAccess",
    "RandomStateShuffled",
    "Storage",
    "Stream",
    "Submittable",
    "constants",
    "dataref",
    "non_sequential_shard",
    "rw_coordinator",
    "sequential_shard",
    "serialize_generator_to_lmdb",
    "shard_keys",
    "shuffle_keys",
    "storage",
    "tensorflow",
]

"""headrace: the data layer that feeds model training.

Storage  --fetch-->  DataRef  --stream-->  Stream  --DataLoader-->  batches
"""

from __future__ import annotations

import importlib
import typing

if typing.TYPE_CHECKING:
    from headrace import adapters, decode
    from headrace import parsing as parse
    from headrace.backends import Dask, Inline, Processes, Ray, Threads
    from headrace.contracts import Columns, errors
    from headrace.dataref import DataRef, concat
    from headrace.engine import Lint, StageStats, Stats, merge_states
    from headrace.executors import per_worker
    from headrace.files import (
        from_arrow,
        from_audio_folder,
        from_csv,
        from_files,
        from_hdf5,
        from_image_folder,
        from_jsonl,
        from_litdata,
        from_lmdb,
        from_mds,
        from_numpy,
        from_parquet,
        from_tar,
        from_text,
    )
    from headrace.ledger import Ledger, audit
    from headrace.loader import DataLoader
    from headrace.mixing import mix
    from headrace.orders import order
    from headrace.quality import ShuffleQuality, shuffle_quality
    from headrace.ranks import Ranks
    from headrace.storage import Storage
    from headrace.stores import MemoryStore
    from headrace.streams import Stream, stream

__version__ = "0.1.0"

# Where the public names are. A module is imported when one of its names is first used: all of
# them take a quarter of a second.
_HOMES = {
    "backends": (
        "Dask",
        "Inline",
        "Processes",
        "Ray",
        "Threads",
    ),
    "contracts": ("Columns",),
    "dataref": (
        "DataRef",
        "concat",
    ),
    "engine": (
        "Lint",
        "StageStats",
        "Stats",
        "merge_states",
    ),
    "executors": ("per_worker",),
    "files": (
        "from_arrow",
        "from_audio_folder",
        "from_csv",
        "from_files",
        "from_hdf5",
        "from_image_folder",
        "from_jsonl",
        "from_litdata",
        "from_lmdb",
        "from_mds",
        "from_numpy",
        "from_parquet",
        "from_tar",
        "from_text",
    ),
    "ledger": (
        "Ledger",
        "audit",
    ),
    "loader": ("DataLoader",),
    "mixing": ("mix",),
    "orders": ("order",),
    "quality": (
        "ShuffleQuality",
        "shuffle_quality",
    ),
    "ranks": ("Ranks",),
    "storage": ("Storage",),
    "stores": ("MemoryStore",),
    "streams": (
        "Stream",
        "stream",
    ),
}
_MODULES = {
    "adapters": "adapters",
    "decode": "decode",
    "errors": "contracts.errors",
    "parse": "parsing",
}

__all__ = [
    "Columns",
    "Dask",
    "DataLoader",
    "DataRef",
    "Inline",
    "Ledger",
    "Lint",
    "MemoryStore",
    "Processes",
    "Ranks",
    "Ray",
    "ShuffleQuality",
    "StageStats",
    "Stats",
    "Storage",
    "Stream",
    "Threads",
    "adapters",
    "audit",
    "concat",
    "decode",
    "errors",
    "from_arrow",
    "from_audio_folder",
    "from_csv",
    "from_files",
    "from_hdf5",
    "from_image_folder",
    "from_jsonl",
    "from_litdata",
    "from_lmdb",
    "from_mds",
    "from_numpy",
    "from_parquet",
    "from_tar",
    "from_text",
    "merge_states",
    "mix",
    "order",
    "parse",
    "per_worker",
    "shuffle_quality",
    "stream",
]


def __getattr__(name: str) -> object:
    home = _MODULES.get(name) or next((one for one in _HOMES if name in _HOMES[one]), None)
    if home is None:
        raise AttributeError(f"module 'headrace' has no attribute {name!r}")
    module = importlib.import_module(f"headrace.{home}")
    found: object = module if name in _MODULES else getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

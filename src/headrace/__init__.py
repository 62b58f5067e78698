"""headrace: the data layer that feeds model training.

Storage  --fetch-->  DataRef  --stream-->  Stream  --DataLoader-->  batches
"""

from __future__ import annotations

from headrace import adapters, decode
from headrace import parsing as parse
from headrace.backends import Inline, Threads
from headrace.contracts import Columns, errors
from headrace.dataref import DataRef, concat
from headrace.engine import StageStats, Stats
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
from headrace.loader import DataLoader
from headrace.mixing import mix
from headrace.orders import order
from headrace.quality import ShuffleQuality, shuffle_quality
from headrace.storage import Storage
from headrace.stores import MemoryStore
from headrace.stream import Stream, stream

__version__ = "0.1.0"

__all__ = [
    "Columns",
    "DataLoader",
    "DataRef",
    "Inline",
    "MemoryStore",
    "ShuffleQuality",
    "StageStats",
    "Stats",
    "Storage",
    "Stream",
    "Threads",
    "adapters",
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
    "mix",
    "order",
    "parse",
    "per_worker",
    "shuffle_quality",
    "stream",
]

"""headrace: the data layer that feeds model training.

Storage  --fetch-->  DataRef  --stream-->  Stream  --DataLoader-->  batches
"""

from __future__ import annotations

from headrace import adapters
from headrace.backends import Inline, Threads
from headrace.contracts import Columns, errors
from headrace.dataref import DataRef, concat
from headrace.files import (
    from_arrow,
    from_csv,
    from_files,
    from_image_folder,
    from_jsonl,
    from_numpy,
    from_parquet,
    from_tar,
    from_text,
)
from headrace.loader import DataLoader
from headrace.orders import order
from headrace.storage import Storage
from headrace.stream import Stream, stream

__version__ = "0.1.0"

__all__ = [
    "Columns",
    "DataLoader",
    "DataRef",
    "Inline",
    "Storage",
    "Stream",
    "Threads",
    "adapters",
    "concat",
    "errors",
    "from_arrow",
    "from_csv",
    "from_files",
    "from_image_folder",
    "from_jsonl",
    "from_numpy",
    "from_parquet",
    "from_tar",
    "from_text",
    "order",
    "stream",
]

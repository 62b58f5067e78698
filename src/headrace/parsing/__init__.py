"""What files hold, record by record: parsers for `.flat_map`, and checks before.

`hr.from_files("s3://bucket/runs/*.jsonl.gz").open().flat_map(hr.parse.jsonl())`
"""

from __future__ import annotations

from headrace.parsing.parsers import (
    check_hash,
    csv,
    decompress,
    jsonl,
    lines,
    parquet,
    tar,
    tfrecord,
    webdataset,
    zip,  # noqa: A004 - named as the format, in a namespace of formats
)
from headrace.sources.file import File

__all__ = [
    "File",
    "check_hash",
    "csv",
    "decompress",
    "jsonl",
    "lines",
    "parquet",
    "tar",
    "tfrecord",
    "webdataset",
    "zip",
]

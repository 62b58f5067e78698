"""Records in files of other libraries, read by these; none of them is imported here."""

from __future__ import annotations

from headrace.sources.foreign.hdf5 import hdf5_source
from headrace.sources.foreign.litdata import litdata_source
from headrace.sources.foreign.lmdb import lmdb_source
from headrace.sources.foreign.mds import mds_source

__all__ = ["hdf5_source", "litdata_source", "lmdb_source", "mds_source"]

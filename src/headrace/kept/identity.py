"""What a chain is, as text by which the next run finds the records it gave."""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.contracts import Node, Records, Visit, content_of
from headrace.contracts.errors import ArgumentError
from headrace.fingerprints import NoFingerprint, fingerprint
from headrace.formats.manifest.manifest import encode
from headrace.formats.stored import StoredRecords
from headrace.kept.contract import Described
from headrace.sources import ArrayRecords, SequenceRecords

# Any, in this file: a source is whatever the user has.

# Records in memory are known by their content where it is read in about a second.
LARGEST_BYTES = 2**30
LONGEST_LIST = 200_000


def chain_digest(before: Node[Any]) -> str:
    """32 hex digits for the data, stages and functions of a chain, the same in every run.

    Raises:
        ArgumentError: a part of it could not be known again; the message says which.
    """
    try:
        return fingerprint(before, substitute=_stand_in)
    except NoFingerprint as error:
        raise ArgumentError(
            f"a cache on disk of {before} was asked, and the next run could not tell whether it "
            f"is still the same: it holds {error}. Pass key='a name', and another one whenever "
            "the data or the functions change."
        ) from None


def _stand_in(value: Any) -> Any:
    """What stands for a part of a chain that is more than its fields."""
    if isinstance(value, Visit):
        # Whether functions follow shows in the stages.
        return ("visit", _lasting(value.records), value.order, value.part, value.start, value.stop)
    if isinstance(value, Node) and isinstance(value, Described):
        source = value.source
        if not isinstance(source, Visit):
            raise NoFingerprint(f"records {_name(source)} without a version or content to check")
        stages = [(type(stage).__name__, content_of(stage)) for stage in value.stages]
        return "chain", source, stages
    return value


def _lasting(records: Records[Any]) -> Any:
    """What stands for records, so that it changes when they do."""
    if isinstance(records, StoredRecords):
        return "stored", encode(records.manifest.content)
    if isinstance(records, ArrayRecords) and _size_bytes(records) <= LARGEST_BYTES:
        return "arrays", records.arrays
    if isinstance(records, SequenceRecords) and _is_short(records.sequence):
        return "sequence", records.sequence
    members = getattr(records, "members", None)
    if isinstance(members, tuple):
        return type(records).__name__, [_lasting(member) for member in members]
    raise NoFingerprint(f"records of {_name(records)} without a version or content to check")


def _size_bytes(records: ArrayRecords) -> int:
    return sum(getattr(leaf, "nbytes", 0) for leaf in records.columns.leaves)


def _is_short(sequence: Any) -> bool:
    if type(sequence) is np.ndarray:
        return bool(sequence.nbytes <= LARGEST_BYTES)
    if type(sequence) not in (list, tuple):
        return type(sequence) is range
    return len(sequence) <= LONGEST_LIST


def _name(source: Any) -> str:
    return str(getattr(source, "identity", type(source).__name__))

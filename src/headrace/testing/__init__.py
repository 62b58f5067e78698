"""Conformance suites and faults, shipped so that third parties can prove what they build."""

from __future__ import annotations

from headrace.testing.backends import check_backend
from headrace.testing.blobs import check_blobs
from headrace.testing.blocks import check_block
from headrace.testing.faults import Script, ScriptedBlobs, Stopped
from headrace.testing.orders import check_order
from headrace.testing.records import check_records
from headrace.testing.stages import (
    CountingSequence,
    check_laziness,
    check_reads,
    check_resume,
    check_stage,
    repr_of,
    states,
)

__all__ = [
    "CountingSequence",
    "Script",
    "ScriptedBlobs",
    "Stopped",
    "check_backend",
    "check_blobs",
    "check_block",
    "check_laziness",
    "check_order",
    "check_reads",
    "check_records",
    "check_resume",
    "check_stage",
    "repr_of",
    "states",
]

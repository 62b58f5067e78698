"""What of storing records can be done where they are made: tensors to arrays, images to bytes."""

from __future__ import annotations

from typing import Any

from headrace.contracts.block import Block, Columns
from headrace.contracts.image import EncodedImage
from headrace.contracts.tree import Record, flatten, structure_of
from headrace.formats.schema.images import BadImage, encode, is_image
from headrace.formats.schema.tensors import replaced, without_tensors

# Any, in this file: leaves are the user's values, of every type.


def prepared(block: Block[Any]) -> Block[Any]:
    """The block with arrays for tensors and encoded images for images; stored, it is the same."""
    return block if isinstance(block, Columns) else list(map(_encoded, without_tensors(block)))


def prepared_record(record: Record) -> Record:
    """The same for one record."""
    return prepared([record])[0]


def _encoded(record: Record) -> Record:
    leaves = flatten(structure_of(record), record)
    return replaced(record, _image) if any(map(is_image, leaves)) else record


def _image(leaf: Any) -> Any:
    if not is_image(leaf):
        return leaf
    try:
        return EncodedImage(encode(leaf))
    except BadImage:
        # Whoever stores it says which record it is of.
        return leaf

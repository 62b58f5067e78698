"""The reader of images: their bytes, decoded."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.contracts.block import Column
from headrace.formats.reading.bytes_readers import BytesReader
from headrace.formats.schema.images import BadImage, decode
from headrace.formats.schema.schema import Leaf
from headrace.formats.shards.parts import Part
from headrace.formats.shards.spans import Places


class UnreadableImage(Exception):
    """An image that cannot be decoded: its place among those asked for, its column, and why."""


class ImageReader:
    """Plain images of Pillow, decoded anew at each read."""

    def __init__(self, leaf: Leaf, shards: int) -> None:
        self._column = leaf.column
        self._bytes = BytesReader(msgspec.structs.replace(leaf, kind="bytes"), shards)

    def add(self, shard: int, part: Part) -> None:
        self._bytes.add(shard, part)

    def read(self, places: Places) -> Column:
        images: list[Any] = []  # Any: images of an optional package
        for at, encoded in enumerate(self._bytes.read(places)):
            try:
                images.append(None if encoded is None else decode(encoded))
            except BadImage as error:
                raise UnreadableImage(at, self._column, str(error)) from error
        return images

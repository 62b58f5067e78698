"""MessagePack by msgspec, with arrays in the layout of msgpack_numpy; object arrays never."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from headrace.compat.squirrel.serialization.packed import (
    MARKS,
    packable,
    unpacked,
    with_tuples,
)
from headrace.compat.squirrel.serialization.records import records_of
from headrace.compat.squirrel.serialization.serializer import (
    SquirrelSerializer,
    opened_shard,
    read_shard,
)
from headrace.contracts.errors import ArgumentError, IntegrityError, RecordError

# Any, in this file: records are the user's, and `fs` is whatever has `open`.
# Methods are static where Squirrel's are, which are called on the class, too.
# pyright: reportIncompatibleMethodOverride=false

BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class MessagepackSerializer(SquirrelSerializer):
    """Records as MessagePack, those of a shard one behind the other in a gzip file.

    Arrays and scalars of NumPy and complex numbers come back, arrays read-only; tuples come back
    as lists. Lists of a shard stay lists: `unpacker_kwargs={"use_list": False}` makes tuples of
    them, as the original does.

    Raises:
        RecordError: a value that would come back as something else, or by pickle alone.
        PickleRefused: when it is read, an array that was pickled.
        IntegrityError: when it is read, bytes that are no MessagePack.

    Example:
        >>> packed = MessagepackSerializer.serialize({"id": 3, "label": "ten"})
        >>> MessagepackSerializer.deserialize(packed)
        {'id': 3, 'label': 'ten'}
    """

    @staticmethod
    def serialize(obj: Any) -> bytes:
        """A value as bytes."""
        try:
            return msgspec.msgpack.encode(packable(obj))
        except (OverflowError, UnicodeEncodeError, RecursionError) as error:
            raise RecordError(
                f"a record was to be kept as MessagePack, and cannot be: {error}. Keep whole "
                "numbers within 64 bits, text that UTF-8 can hold, and no circles."
            ) from error

    @staticmethod
    def deserialize(obj: bytes) -> Any:
        """The value that bytes hold."""
        try:
            return unpacked(msgspec.msgpack.decode(obj))
        except BROKEN as error:
            raise _unreadable("a value", error) from error

    @staticmethod
    def serialize_shard_to_file(
        shard: Iterable[Any], fp: str, fs: Any = None, mode: str = "wb", **open_kwargs: Any
    ) -> None:
        """Writes records to a file, which appears whole."""
        with opened_shard(fp, fs, mode, open_kwargs) as file:
            for record in shard:
                file.write(MessagepackSerializer.serialize(record))

    @staticmethod
    def deserialize_shard_from_file(
        fp: str,
        fs: Any = None,
        mode: str = "rb",
        unpacker_kwargs: Mapping[str, Any] | None = None,
        **open_kwargs: Any,
    ) -> Iterator[Any]:
        """The records of a file, which is read now."""
        as_tuples = _as_tuples(dict(unpacker_kwargs or {}))
        content = read_shard(fp, fs, mode, open_kwargs)
        try:
            records = records_of(content)
        except BROKEN as error:
            raise _unreadable(fp, error) from error
        if any(mark in content for mark in MARKS):
            records = list(map(unpacked, records))
        return map(with_tuples, records) if as_tuples else iter(records)


def _as_tuples(unpacker_kwargs: dict[str, Any]) -> bool:
    as_lists = unpacker_kwargs.pop("use_list", True)
    if unpacker_kwargs:
        raise ArgumentError(
            f"unpacker_kwargs may have use_list alone, got {sorted(unpacker_kwargs)}. msgspec "
            "reads the shards: leave them out, and .map what is to be changed."
        )
    return not as_lists


def _unreadable(what: str, error: Exception) -> IntegrityError:
    return IntegrityError(
        f"{what} was to be read as MessagePack, and cannot be: {error}. Check that this serializer "
        "wrote it, and write it again."
    )

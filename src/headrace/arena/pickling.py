"""Results as pickles of which the arrays lie in a slot."""

from __future__ import annotations

import copyreg
import ctypes
import pickle
import struct
import sys
from array import array as numbers
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.arena.room import Room
from headrace.deferred import cloudpickle
from headrace.extras import imported

# Any, in this file: results and arrays of every type.
Reduced = tuple[Any, ...] | str

# Below this an array travels in the pickle: it costs as much as a place in the slot, and whoever
# keeps it keeps no slot.
LEAST_BYTES = 4096

# Bits of an array's flags; to ask for each by its name takes longer than all else.
C_CONTIGUOUS, F_CONTIGUOUS, WRITABLE = 0x1, 0x2, 0x400

# After the pickle: the places of other buffers than arrays; then whether the worker keeps arrays
# over the slot, the size of the slot, how much of it is used, the number of the places.
_TAIL = struct.Struct("<?QQQ")
# Any: for Python 3.11 stubs do not know that arrays are buffers.
_seen: Any = ctypes.c_char.from_buffer
# Any: the attribute has no type that stubs know.
DISPATCH_TABLE: Any = vars(pickle.Pickler)["dispatch_table"]


@dataclass(frozen=True)
class Tail:
    """What the consumer must know of a payload before it loads it."""

    is_kept: bool
    size_bytes: int
    used_bytes: int
    # Offset, length, offset, length ...; twice 0 stands for all of the slot.
    places: numbers[int]


def packed(room: Room, result: object, *, by_value: bool) -> Packing:
    """A result as a pickle; `by_value` takes what only cloudpickle can, and takes longer.

    Raises:
        TooLarge: an array of it fits no room.
        Exception: what pickling it raises.
    """
    packing = Packing(room)
    pickler = (cloudpickle.Pickler if by_value else pickle.Pickler)(
        packing.file, 5, buffer_callback=packing.travels_inside
    )
    table = {**getattr(pickler, "dispatch_table", copyreg.dispatch_table), **packing.reducers()}
    # Pickler's own attribute, which one of cloudpickle's class hides.
    DISPATCH_TABLE.__set__(pickler, table)
    pickler.dump(result)
    return packing


class Packing:
    """A pickle that refers to the room."""

    def __init__(self, room: Room) -> None:
        self.file = BytesIO()
        self._room = room
        self._places = numbers("Q")
        # Memory that the pickle refers to: the slot, as arrays that can be written see it, and
        # as read-only ones do.
        self._writable = Whole(bytearray())
        self._read_only = Whole(b"")

    def payload(self, *, is_kept: bool) -> bytes:
        """What travels."""
        size_bytes = self._room.size_bytes if self._places else 0
        self.file.write(self._places.tobytes())
        tail = (is_kept, size_bytes, self._room.used_bytes, len(self._places))
        self.file.write(_TAIL.pack(*tail))
        return self.file.getvalue()

    def reducers(self) -> dict[type, Callable[[Any], Reduced]]:
        """How arrays and tensors are pickled."""
        reducers: dict[type, Callable[[Any], Reduced]] = {
            np.ndarray: self._array,
            # Elsewhere its file would be missing.
            np.memmap: lambda array: self._array(np.asarray(array)),
        }
        # Only who imported torch can have a tensor.
        torch = sys.modules.get("torch")
        if torch is not None and hasattr(torch, "Tensor"):
            reducers[torch.Tensor] = self._tensor
        return reducers

    def _array(self, array: npt.NDArray[Any]) -> Reduced:
        dtype, flags = array.dtype, array.flags.num
        if dtype.hasobject:
            return array.__reduce_ex__(5)
        offset = self._room.offset_of(_address(array, flags)) if array.nbytes else None
        if offset is None:
            memory, offset = self._elsewhere(array)
            strides = None
        else:
            memory = self._writable if flags & WRITABLE else self._read_only
            strides = array.strides
        # NumPy's own constructor makes it, 0.3 us each; by way of buffers it would be 1 us.
        if flags & F_CONTIGUOUS and not flags & C_CONTIGUOUS:
            return np.ndarray, (array.shape, dtype, memory, offset, None, "F")
        if flags & C_CONTIGUOUS or strides is None:
            return np.ndarray, (array.shape, dtype, memory, offset)
        return np.ndarray, (array.shape, dtype, memory, offset, strides)

    def _elsewhere(self, array: npt.NDArray[Any]) -> tuple[Whole | bytes | bytearray, int]:
        """Memory, and the place in it, of an array that does not lie in the slot."""
        is_writable = array.flags.writeable
        offset = self._room.stored(array) if array.nbytes >= LEAST_BYTES else None
        if offset is not None:
            return self._writable if is_writable else self._read_only, offset
        # "A" keeps the order of its axes.
        content = array.tobytes("A")
        return bytearray(content) if is_writable else content, 0

    def _tensor(self, tensor: Any) -> Reduced:
        torch = sys.modules["torch"]
        is_plain = tensor.device.type == "cpu" and tensor.layout is torch.strided
        if not is_plain or tensor.requires_grad or tensor.is_conj() or tensor.is_neg():
            return self._by_torch(tensor)
        try:
            return tensor_of, (tensor.numpy(), None)
        except (TypeError, RuntimeError):
            bits = {1: torch.uint8, 2: torch.int16}.get(tensor.itemsize)
            if bits is None or tensor.is_quantized:
                return self._by_torch(tensor)
            return tensor_of, (tensor.view(bits).numpy(), tensor.dtype)

    def _by_torch(self, tensor: Any) -> Reduced:
        reduced: Reduced = tensor.__reduce_ex__(5)
        return reduced

    def travels_inside(self, buffer: pickle.PickleBuffer) -> bool:
        """Whether a buffer does not lie in the slot: it is small, or there is no more room."""
        if buffer is self._writable.buffer or buffer is self._read_only.buffer:
            self._places.extend((0, 0))
            return False
        try:
            view = np.frombuffer(buffer.raw(), np.uint8)
        except (BufferError, ValueError):
            return True
        if view.nbytes < LEAST_BYTES:
            return True
        offset = self._room.offset_of(_address(view, view.flags.num))
        if offset is None:
            offset = self._room.stored(view)
        if offset is None:
            return True
        self._places.extend((offset, view.nbytes))
        return False


class Whole:
    """Stands for the memory of the slot, once in a pickle however many arrays it has."""

    def __init__(self, memory: bytes | bytearray) -> None:
        self.buffer = pickle.PickleBuffer(memory)

    def __reduce__(self) -> tuple[type[memoryview], tuple[pickle.PickleBuffer]]:
        return memoryview, (self.buffer,)


def _address(array: npt.NDArray[Any], flags: int) -> int:
    # Of what ctypes sees, in a third of the time of asking for all that NumPy tells of it.
    if flags & WRITABLE and flags & C_CONTIGUOUS and array.dtype.kind in "biuf":
        return ctypes.addressof(_seen(array))
    address: int = array.__array_interface__["data"][0]
    return address


def tail_of(payload: bytes) -> Tail:
    """What stands behind the pickle."""
    start = len(payload) - _TAIL.size
    is_kept, size_bytes, used_bytes, count = _TAIL.unpack_from(payload, start)
    places = numbers("Q")
    places.frombytes(payload[start - count * places.itemsize : start])
    return Tail(is_kept, size_bytes, used_bytes, places)


def loaded(payload: bytes, places: numbers[int], memory: npt.NDArray[np.uint8] | None) -> Any:
    """The result, whose arrays refer to `memory`."""
    if memory is None:
        return pickle.loads(payload)
    whole = memory.data
    pairs = zip(places[::2], places[1::2], strict=True)
    buffers = [whole[start : start + size] if size else whole for start, size in pairs]
    try:
        return pickle.loads(payload, buffers=buffers)
    finally:
        # The traceback of a failure must not keep the memory.
        del memory, whole, buffers


def tensor_of(array: npt.NDArray[Any], dtype: Any) -> Any:
    """The torch tensor over an array; `dtype` is one that NumPy does not have."""
    tensor = imported("torch", extra="torch").from_numpy(array)
    return tensor if dtype is None else tensor.view(dtype)

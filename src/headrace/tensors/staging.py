"""Batches on their way to a GPU, by way of page-locked memory that is used again and again.

From ordinary memory a copy keeps the caller waiting; from page-locked memory the device fetches
it by itself. To lock pages costs more than the copy: two buffers are locked once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from headrace.contracts import Record
from headrace.extras import imported
from headrace.tensors.leaves import over_leaves

# Any, in this file: tensors are of an optional package, and a leaf has any type.
# Each leaf begins where every dtype may, and where the device's copies are fastest.
ALIGNED = 256
# One is filled while the other is copied.
BUFFERS = 2


@dataclass(frozen=True)
class OnDevice:
    """A batch whose copy is under way, and the event that says when it is there."""

    batch: Record
    event: Any


class StagedCopies:
    """Copies to one GPU on a stream of its own, beside what its other streams compute."""

    def __init__(self, device: Any) -> None:
        self._torch = torch = imported("torch", extra="torch")
        self._device = device
        self._stream = torch.cuda.Stream(device)
        self._buffers = deque(Staging(is_pinned=True) for _ in range(BUFFERS))

    def begin(self, batch: Record) -> OnDevice:
        """Begins the copy; what the batch was made of may be used again when this returns."""
        torch = self._torch
        buffer = self._buffers[0]
        self._buffers.rotate(-1)
        staged = buffer.filled(batch)
        with torch.cuda.stream(self._stream):
            moved = over_leaves(self._moved, staged)
            event = torch.cuda.Event(blocking=True)
            event.record(self._stream)
        buffer.copied_at(event)
        return OnDevice(moved, event)

    def finish(self, begun: OnDevice) -> Record:
        """The batch; the caller's stream waits for the copy, the caller does not."""
        torch = self._torch
        stream = torch.cuda.current_stream(self._device)
        stream.wait_event(begun.event)

        def used(leaf: Any) -> Any:
            if not isinstance(leaf, torch.Tensor):
                return leaf
            if not _is_dense(torch, leaf):
                # No stream can be recorded of it: it is copied on the one that uses it.
                return leaf.to(self._device)
            # Its memory belongs to the copying stream, which must not have it back too early.
            leaf.record_stream(stream)
            return leaf

        return over_leaves(used, begun.batch)

    def _moved(self, leaf: Any) -> Any:
        if isinstance(leaf, self._torch.Tensor) and _is_dense(self._torch, leaf):
            return leaf.to(self._device, non_blocking=True)
        return leaf


class Staging:
    """A buffer in which the arrays of one batch lie side by side, as tensors."""

    def __init__(self, *, is_pinned: bool) -> None:
        self._torch = imported("torch", extra="torch")
        self._is_pinned = is_pinned
        self._memory = self._torch.empty(0, dtype=self._torch.uint8)
        self._event: Any = None
        self._used = 0

    def filled(self, batch: Record) -> Record:
        """The batch with a tensor in this buffer for each array and each tensor of the CPU.

        Waits until what was in it before is copied. All else stays.
        """
        if self._event is not None:
            self._event.synchronize()
            self._event = None
        sizes: list[int] = []
        over_leaves(lambda leaf: sizes.append(_aligned(self._size(leaf))), batch)
        if sum(sizes) > self._memory.numel():
            # The old one goes first: both together might be more than may be locked.
            self._memory = self._torch.empty(0, dtype=self._torch.uint8)
            self._memory = self._torch.empty(
                sum(sizes), dtype=self._torch.uint8, pin_memory=self._is_pinned
            )
        self._used = 0
        return over_leaves(self._placed, batch)

    def copied_at(self, event: Any) -> None:
        """Notes the event after which this buffer may be filled again."""
        self._event = event

    def _size(self, leaf: Any) -> int:
        if isinstance(leaf, np.ndarray | np.generic):
            return int(leaf.nbytes) if _tensor_dtype(leaf.dtype) is not None else 0
        return int(leaf.numel() * leaf.element_size()) if self._is_plain(leaf) else 0

    def _placed(self, leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray | np.generic):
            dtype = _tensor_dtype(leaf.dtype)
            if dtype is None:
                return leaf
            room = self._room(leaf.nbytes, dtype, leaf.shape)
            native = leaf.dtype.newbyteorder("=")
            # NumPy knows all strides and byte orders, and torch not.
            np.copyto(self._bytes_of(room).view(native).reshape(leaf.shape), leaf)
            return room
        if not self._is_plain(leaf):
            return leaf
        room = self._room(leaf.numel() * leaf.element_size(), leaf.dtype, leaf.shape)
        return room.copy_(leaf.detach())

    def _room(self, size: int, dtype: Any, shape: Any) -> Any:
        begin = self._used
        self._used += _aligned(size)
        return self._memory[begin : begin + size].view(dtype).view(tuple(shape))

    def _bytes_of(self, room: Any) -> Any:
        return room.reshape(-1).view(self._torch.uint8).numpy()

    def _is_plain(self, leaf: Any) -> bool:
        """Whether it is a dense tensor of the CPU."""
        is_tensor = isinstance(leaf, self._torch.Tensor)
        return is_tensor and leaf.device.type == "cpu" and _is_dense(self._torch, leaf)


def _is_dense(torch: Any, tensor: Any) -> bool:
    """Whether its values lie in one memory: not sparse, quantised or nested."""
    is_plain = tensor.layout is torch.strided and not tensor.is_quantized
    return bool(is_plain and not tensor.is_nested)


def _aligned(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED


@lru_cache(maxsize=256)
def _tensor_dtype(dtype: Any) -> Any:
    """The dtype of torch for one of NumPy, None where it has none."""
    torch = imported("torch", extra="torch")
    if dtype.name == "bfloat16":
        return torch.bfloat16
    try:
        return torch.from_numpy(np.empty(0, dtype.newbyteorder("="))).dtype
    except TypeError:
        return None

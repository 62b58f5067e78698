"""Batches as NumPy arrays."""

from __future__ import annotations

from headrace.tensors.numpy import to_numpy

__all__ = ["to_numpy"]

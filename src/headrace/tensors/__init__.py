"""Batches in the tensors of one framework or another: one file a framework."""

from __future__ import annotations

from headrace.tensors.convert import CONVERSIONS, Framework, conversion
from headrace.tensors.device import Copies, copies_to
from headrace.tensors.jax import to_jax
from headrace.tensors.numpy import to_numpy
from headrace.tensors.tensorflow import to_tensorflow
from headrace.tensors.torch import to_torch

__all__ = [
    "CONVERSIONS",
    "Copies",
    "Framework",
    "conversion",
    "copies_to",
    "to_jax",
    "to_numpy",
    "to_tensorflow",
    "to_torch",
]

"""The conversion of batches by the name of a framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from headrace.contracts import Record
from headrace.contracts.errors import ArgumentError, near
from headrace.tensors.jax import to_jax
from headrace.tensors.numpy import to_numpy
from headrace.tensors.tensorflow import to_tensorflow
from headrace.tensors.torch import to_torch

Framework = Literal["jax", "numpy", "tensorflow", "torch"]

CONVERSIONS: dict[str, Callable[[Record], Record]] = {
    "jax": to_jax,
    "numpy": to_numpy,
    "tensorflow": to_tensorflow,
    "torch": to_torch,
}


def conversion(framework: str) -> Callable[[Record], Record]:
    """The function that gives batches in a framework's tensors.

    Raises:
        ArgumentError: no such framework is known.
    """
    if framework in CONVERSIONS:
        return CONVERSIONS[framework]
    raise ArgumentError(
        f"batches can be given to={', '.join(map(repr, CONVERSIONS))}, got {framework!r}. "
        f"{near(str(framework), CONVERSIONS)}"
    )

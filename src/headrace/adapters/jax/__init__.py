"""JAX: batches as its arrays, and a loader's batches on their way to the devices."""

from __future__ import annotations

from headrace.adapters.jax.batches import device_batches
from headrace.tensors.jax import to_jax

__all__ = ["device_batches", "to_jax"]

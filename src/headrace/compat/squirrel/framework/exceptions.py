"""The errors of Squirrel's that are raised here; all others are `headrace.contracts.errors`."""

from __future__ import annotations

from headrace.compat.squirrel.iterstream.torch_reading import PyTorchSplittingException

__all__ = ["PyTorchSplittingException"]

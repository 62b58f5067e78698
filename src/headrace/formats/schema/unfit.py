"""How a leaf refuses values, so that the writer can make it wider."""

from __future__ import annotations


class Unfit(Exception):
    """Values that the leaf, as known so far, cannot hold."""


def require(holds: bool) -> None:
    """Raises Unfit unless the condition holds."""
    if not holds:
        raise Unfit

"""What is said of a name of Squirrel's that headrace has no facade for."""

from __future__ import annotations

from headrace.contracts.errors import ArgumentError


def not_carried(name: str, way: str) -> ArgumentError:
    """The error of a feature that was left behind; `way` says what to do now."""
    return ArgumentError(
        f"{name} of Squirrel was asked for, and headrace.compat.squirrel does not carry it. {way}"
    )

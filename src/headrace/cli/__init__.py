"""The command `headrace`: a dataset is made, looked at and checked from the shell."""

from __future__ import annotations

from headrace.cli.application import main

__all__ = ["main"]

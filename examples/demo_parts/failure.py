"""What the demo raises where headrace does not do what it promises."""

from __future__ import annotations


class DemoFailure(Exception):
    """Something differs that must be equal; `demo.py` prints it and exits with 1."""

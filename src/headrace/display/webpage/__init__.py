"""A page of HTML about a dataset: one file a part of it, and its style sheet."""

from __future__ import annotations

from headrace.display.webpage.page import page

__all__ = ["page"]

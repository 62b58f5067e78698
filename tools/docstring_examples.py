"""Shows the `Example:` of a docstring as code on the documentation's pages.

The Google form that mkdocstrings reads knows `Examples:` only, and takes one for plain text.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

ONE_EXAMPLE = re.compile(r"^(\s*)Example:$", re.MULTILINE)


class OneExample(griffe.Extension):
    """Reads a single `Example:` as what it is: code and its output."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:  # Any: fixed by griffe
        """Renames the section of one object's docstring."""
        if obj.docstring is not None:
            obj.docstring.value = ONE_EXAMPLE.sub(r"\1Examples:", obj.docstring.value)

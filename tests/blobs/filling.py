"""What `write` is given by tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO


def filled(content: bytes) -> Callable[[BinaryIO], None]:
    """Writes the content."""

    def fill(file: BinaryIO) -> None:
        file.write(content)

    return fill

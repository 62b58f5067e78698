"""Files that are opened when they are first used, and cross to workers."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

# Any, in this file: files of text and of bytes, and whatever they have.


class LateFile:
    """What opens a file, until it is read from; then the open file.

    A pickled one is opened again, at the place where it was.
    """

    def __init__(self, opener: Callable[[], Any], position: int = 0) -> None:
        self._opener = opener
        self._position = position
        self._file: Any = None

    def close(self) -> None:
        """Closes it where it was opened."""
        if self._file is not None:
            self._file.close()

    def opened(self) -> Any:
        """The open file."""
        if self._file is None:
            self._file = self._opener()
            if self._position:
                self._file.seek(self._position)
        return self._file

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            # Asked by pickle and copy of what is half made.
            raise AttributeError(name)
        return getattr(self.opened(), name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.opened())

    def __next__(self) -> Any:
        return next(self.opened())

    def __reduce__(self) -> tuple[Any, ...]:
        file = self._file
        position = self._position if file is None or file.closed else file.tell()
        return LateFile, (self._opener, position)

    def __repr__(self) -> str:
        return f"LateFile({self._opener!r})"


class Member:
    """A file in an archive; pickled, it is what is left of its bytes."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._file, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._file)

    def __next__(self) -> Any:
        return next(self._file)

    def __reduce__(self) -> tuple[Any, ...]:
        return io.BytesIO, (self._file.read(),)

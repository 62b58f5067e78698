"""`StreamWrapper`: an open file that closes itself when nobody holds it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

# Any, in this file: open files of every kind, and the records that hold them.


class StreamWrapper:
    """An open file with a name and a parent: closed when it is dropped, and its parent after it.

    Methods and attributes are the file's. It pickles where the file does: a file that is opened
    at its first use crosses to workers.

    Example:
        >>> import io
        >>> wrapper = StreamWrapper(io.StringIO("some text"), name="memory")
        >>> wrapper.read(), wrapper
        ('some text', StreamWrapper<memory>)
    """

    def __init__(
        self, file_obj: Any, parent_stream: StreamWrapper | None = None, name: str | None = None
    ) -> None:
        if parent_stream is not None and not isinstance(parent_stream, StreamWrapper):
            raise RuntimeError(
                f"Parent stream should be StreamWrapper, {type(parent_stream)} was given"
            )
        self.file_obj = file_obj
        self.name = name
        self.parent_stream = parent_stream
        self.closed = False
        self.child_counter = 0
        # Whether it is closed with the last of its children.
        self.close_on_last_child = False
        if parent_stream is not None:
            parent_stream.child_counter += 1

    @classmethod
    def close_streams(cls, v: Any, depth: int = 0) -> None:
        """Closes each wrapper in lists, tuples and dicts, up to ten levels down."""
        if depth > MOST_LEVELS:
            return
        if isinstance(v, StreamWrapper):
            v.close()
        elif isinstance(v, dict):
            for one in v.values():
                cls.close_streams(one, depth + 1)
        elif isinstance(v, list | tuple):
            for one in v:
                cls.close_streams(one, depth + 1)

    def close(self) -> None:
        """Closes the file; the parent too, where this was its last child."""
        if self.closed:
            return
        self.closed = True
        close = getattr(self.file_obj, "close", None)
        if close is not None:
            with contextlib.suppress(AttributeError):
                close()
        parent = self.parent_stream
        if parent is not None:
            parent.child_counter -= 1
            if not parent.child_counter and parent.close_on_last_child:
                parent.close()

    def autoclose(self) -> None:
        """Closes the file now, or with the last of its children."""
        self.close_on_last_child = True
        if not self.child_counter:
            self.close()

    def __getattr__(self, name: str) -> Any:
        if name == "file_obj":
            # Asked while it is unpickled.
            raise AttributeError(name)
        return getattr(self.file_obj, name)

    def __iter__(self) -> Iterator[Any]:
        yield from self.file_obj

    def __next__(self) -> Any:
        return next(self.file_obj)

    def __enter__(self) -> StreamWrapper:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        # What crosses to another process is whole without its parent, which may be an archive.
        return {**vars(self), "parent_stream": None}

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *dir(self.file_obj)]

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def __repr__(self) -> str:
        return (
            f"StreamWrapper<{self.file_obj!r}>"
            if self.name is None
            else f"StreamWrapper<{self.name}>"
        )


# As deep as the original looks.
MOST_LEVELS = 10

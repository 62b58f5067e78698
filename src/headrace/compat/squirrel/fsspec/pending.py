"""Files that are being written: they appear whole when they are closed, or not at all."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import TracebackType


class Pending(io.BytesIO):
    """Gathers bytes, and hands them to `publish` when it is closed.

    Nothing is published where the `with` block ends by an error, nor where nobody closes it.
    """

    def __init__(self, publish: Callable[[bytes], object]) -> None:
        super().__init__()
        self._publish = publish
        self._is_wanted = True

    def abandon(self) -> None:
        """Closing it publishes nothing from now on."""
        self._is_wanted = False

    def close(self) -> None:
        """Publishes the bytes, once."""
        if self.closed:
            return
        content = self.getvalue()
        super().close()
        if self._is_wanted:
            self._publish(content)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.abandon()
        self.close()

    def __del__(self) -> None:
        # By itself a file is closed here, which would publish what an error has cut off.
        self.abandon()


class PendingText(io.TextIOWrapper):
    """The same for text."""

    def __init__(self, pending: Pending, encoding: str) -> None:
        super().__init__(pending, encoding=encoding)
        self._pending = pending

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._pending.abandon()
        self.close()

    def __del__(self) -> None:
        self._pending.abandon()

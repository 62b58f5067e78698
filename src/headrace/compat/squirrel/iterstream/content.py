"""One call that runs in an executor."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

# Any, in this file: records and results of every type.


class AsyncContent:
    """What `func(item)` gives, made by an executor from now on.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor(1) as pool:
        ...     AsyncContent(4, str, pool).value()
        '4'
    """

    def __init__(self, item: Any, func: Callable[[Any], Any], executor: Executor) -> None:
        self.stack = 1
        self.future = executor.submit(func, item)

    def value(self, timeout: float | None = None) -> Any:
        """The result, or its error; waits for it at most `timeout` seconds.

        Raises:
            TimeoutError: it is not there by then.
        """
        return self.future.result(timeout)

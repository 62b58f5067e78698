"""The conformance suite of backends."""

from __future__ import annotations

import threading

from headrace.contracts import Backend


def check_backend(backend: Backend) -> None:
    """Checks that a backend runs tasks, gives errors, and leaves nothing behind.

    Raises:
        AssertionError: what does not hold.

    Example:
        >>> import headrace as hr
        >>> from headrace.testing import check_backend
        >>> check_backend(hr.Threads(2))
    """
    before = set(threading.enumerate())
    workers = backend.start()
    futures = [workers.submit(_Power(number)) for number in range(50)]
    assert [future.result() for future in futures] == [number**2 for number in range(50)]
    failing = workers.submit(_Power(None))
    try:
        failing.result()
    except TypeError:
        pass
    else:
        raise AssertionError("an error of a task must be raised by its future")
    assert workers.submit(_Power(3)).result() == 9, "a failing task must not end a worker"
    workers.close()
    workers.close()
    left = {thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()}
    assert not left, f"threads left behind: {left}"
    assert backend.look_ahead >= 0
    assert repr(backend), "a backend must print"


class _Power:
    """A task that pickles."""

    def __init__(self, number: int | None) -> None:
        self.number = number

    def __call__(self) -> int:
        return self.number**2  # type: ignore[operator]

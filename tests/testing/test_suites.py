"""The other suites: backends, records and orders that are broken must fail them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from headrace.backends import Inline, Threads
from headrace.testing import check_backend, check_order, check_records

# Any, in this file: tasks and records of every type.


@pytest.mark.parametrize("backend", [Inline(), Threads(1), Threads(3)])
def test_our_backends_conform(backend: Any) -> None:
    check_backend(backend)


@dataclass
class Broken:
    """A backend that swallows errors, or leaves a thread behind."""

    wrong: str
    release: threading.Event
    look_ahead: int = 1
    shares_globals: bool = True

    def start(self) -> Broken:
        return self

    def submit(self, task: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(task())
        except Exception as error:
            if self.wrong == "swallows errors":
                future.set_result(None)
            else:
                future.set_exception(error)
        return future

    def close(self) -> None:
        if self.wrong == "leaves a thread" and not self.release.is_set():
            threading.Thread(target=self.release.wait, daemon=True).start()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("swallows errors", "an error of a task must be raised by its future"),
        ("leaves a thread", "threads left behind"),
    ],
)
def test_a_broken_backend_fails(wrong: str, message: str) -> None:
    release = threading.Event()
    with pytest.raises(AssertionError, match=message):
        check_backend(Broken(wrong, release))
    release.set()


class Unsorted:
    """Records that come sorted, whatever was asked."""

    def __len__(self) -> int:
        return 5

    def read(self, indices: Any) -> list[int]:
        return sorted(int(index) for index in indices)


def test_broken_records_fail() -> None:
    with pytest.raises(AssertionError, match=r"read\(\[4, 3, 2, 1, 0\]\)"):
        check_records(Unsorted(), range(5))
    with pytest.raises(AssertionError, match="5 records instead of 4"):
        check_records(Unsorted(), range(4))


@dataclass(frozen=True)
class Twisted:
    """An order whose inverse is wrong."""

    def count(self, epoch: int) -> int:
        return 5

    def at(self, epoch: int, positions: Any) -> Any:
        return (positions + epoch) % 5

    def locate(self, epoch: int, indices: Any) -> Any:
        return np.asarray(indices)


def test_a_broken_order_fails() -> None:
    with pytest.raises(AssertionError, match="epoch 1: locate is no inverse"):
        check_order(Twisted())

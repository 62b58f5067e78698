"""Inline: everything in the consumer's thread, when it is asked for."""

from __future__ import annotations

import threading

import pytest

from headrace.backends import Inline
from headrace.testing import check_backend


def test_inline_conforms() -> None:
    check_backend(Inline())


def test_a_task_runs_at_once_in_the_calling_thread() -> None:
    assert Inline().start().submit(threading.current_thread).result() is threading.current_thread()


def test_an_interrupt_passes_at_once() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Inline().start().submit(interrupt)

"""Functions on the Ray that the caller has initialised."""

from __future__ import annotations

import itertools
import os
from typing import Any

import pytest

import headrace as hr

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

# Any, in this file: packages without types.


def test_ray_gives_what_threads_give_and_stays_up(ray_module: Any) -> None:
    expected = [x * x for x in range(400)]
    stream = hr.stream(range(400)).async_map(lambda x: x * x, "ray")
    assert stream.collect() == expected
    loader = hr.DataLoader(hr.stream(range(400)).async_map(lambda x: x * x, ray_module))
    first = list(itertools.islice(loader, 11))
    loader.load_state_dict(loader.state_dict())
    assert first + list(loader) == expected
    assert sorted(hr.stream(range(50)).async_map(abs, "ray", ordered=False)) == list(range(50))
    assert ray_module.is_initialized()


def test_an_error_keeps_its_type_and_shows_the_worker_s_traceback(ray_module: Any) -> None:
    def fail_at_seven(x: int) -> int:
        if x == 7:
            raise KeyError("seven")
        return x

    found: list[int] = []
    with pytest.raises(KeyError, match="seven") as caught:
        found.extend(hr.stream(range(30)).async_map(fail_at_seven, "ray"))
    assert found == list(range(7))
    assert (
        "async_map(fail_at_seven) over range[30], epoch 0, position 7"
        in (caught.value.__notes__[0])
    )
    assert "in fail_at_seven" in str(caught.value.__cause__)


def test_a_function_that_kills_its_workers_is_an_error_that_names_the_stage(
    ray_module: Any,
) -> None:
    def die(x: int) -> int:
        os._exit(3)

    with pytest.raises(ray_module.exceptions.WorkerCrashedError) as caught:
        hr.stream([1]).async_map(die, "ray").collect()
    assert "in async_map(die) over list[1], epoch 0, position 0" in caught.value.__notes__[0]

"""What `hr.Processes` takes, and what it refuses at once."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, StreamError

# Any, in this file: arguments of every type.


@pytest.mark.parametrize("num_workers", [0, -1, 1.5, True, None])
def test_less_than_one_worker_is_refused(num_workers: Any) -> None:
    with pytest.raises(ArgumentError, match=r"num_workers must be .* Use hr.Inline\(\) for no"):
        hr.Processes(num_workers)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start_method": "fork"}, '"forkserver" or "spawn", got \'fork\'. Leave it out'),
        ({"gpu_indices": [0]}, r"one GPU for each of 2 workers, got \[0\]. Name a GPU twice"),
        ({"gpu_indices": [0, 1, 2]}, r"one GPU for each of 2 workers, got \[0, 1, 2\]."),
        ({"gpu_indices": "01"}, "one GPU for each of 2 workers, got '01'"),
        ({"gpu_indices": [0, -1]}, "a number from 0 on, or the name .*got -1. `nvidia-smi -L`"),
        ({"gpu_indices": [0, True]}, "a number from 0 on, .*got True"),
        ({"gpu_indices": [0, ""]}, "a number from 0 on, .*got ''"),
        ({"threads_per_worker": 0}, "threads_per_worker must be .*at least 1, got 0. Leave it"),
        ({"arena_bytes": 0}, "arena_bytes must be .*at least 1, got 0. Leave it out for a quarter"),
        ({"preload": "torch"}, "preload must be names of modules, got 'torch'. Write preload="),
        ({"preload": [1]}, r"preload must be names of modules, got \[1\]"),
        ({"worker_init_fn": 3}, "worker_init_fn must be a function, got 3. Pass it without"),
        ({"worker_reset_fn": 3}, "worker_reset_fn must be a function, got 3. Pass it without"),
    ],
)
def test_what_cannot_be_is_refused_at_construction(options: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        hr.Processes(2, **options)


def test_functions_that_do_not_pickle_are_refused_at_the_start() -> None:
    lock = threading.Lock()
    backend = hr.Processes(1, worker_init_fn=lambda worker_id: lock.locked())
    with pytest.raises(StreamError, match="worker_init_fn cannot be sent .* Define it at the top"):
        backend.start()


def test_a_description_prints_what_was_said_and_compares() -> None:
    backend = hr.Processes(2, gpu_indices=[0, 1])
    assert repr(backend) == "Processes(num_workers=2, gpu_indices=(0, 1))"
    assert pickle.loads(pickle.dumps(backend)) == backend
    assert hash(backend) == hash(hr.Processes(2, gpu_indices=(0, 1)))
    assert (backend.look_ahead, backend.shares_globals) == (6, False)

"""Every verb runs in worker processes, and states cross between them and other backends."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.backends.processes.shared import SharedProcesses
from tests.chains import Calls, Origin, Step, chained, origins, steps

import headrace as hr
from headrace.contracts import Backend
from headrace.testing import repr_of

# Any, in this file: records are whatever the random stages make.
MOST_RECORDS = 200
STEPS = {
    "map": Step("map", 3),
    "filter": Step("filter", 3),
    "flat_map": Step("flat_map", 3),
    "tap": Step("tap"),
    "seeded": Step("seeded", 2),
    "batch": Step("batch", 4, 1),
    "take": Step("take", 17),
    "skip": Step("skip", 5),
    "shard": Step("shard", 1, 2),
    "repeat": Step("repeat", 2),
    "endless": Step("endless", 50),
    "enumerate": Step("enumerate", 3),
    "shuffle": Step("shuffle", 5, 7),
    "concat": Step("concat"),
    "zip": Step("zip"),
    "mix": Step("mix", 2, 3),
    "interleave": Step("interleave"),
    "window": Step("window", 3, 2),
    "bucket": Step("bucket", 3, 6),
    "group_by": Step("group_by", 2, 6),
    "pack": Step("pack", 4, 5),
    "join": Step("join", 4, 1),
    "skip_errors": Step("skip_errors", 3),
    "substitute": Step("substitute", 3, 1),
    "async_map": Step("async_map", 2, 4),
    "prefetch": Step("prefetch", 3),
    "cycle": Step("cycle", 2),
    "rotate": Step("rotate", 2, 4),
    **{verb: Step(verb) for verb in ("through", "cache", "fork", "monitor", "progress")},
    "unbatch": Step("unbatch"),
    "rebatch": Step("rebatch", 3, 0),
    "collate": Step("collate"),
}
ON_BATCHES = ("unbatch", "rebatch", "collate")


def shown(records: Any) -> list[str]:
    return [repr_of(record) for record in records]


def saved_after(stream: Any, backend: Backend, cut: int) -> Any:
    with hr.DataLoader(stream, backend=backend) as loader:
        for _ in itertools.islice(loader, cut) if cut else ():
            pass
        return json.loads(json.dumps(loader.state_dict()))


def rest_after(stream: Any, backend: Backend, state: Any) -> list[str]:
    with hr.DataLoader(stream, backend=backend) as loader:
        loader.load_state_dict(state)
        return shown(itertools.islice(loader, MOST_RECORDS))


def check(stream: Any, processes: Backend, other: Backend, cut_at: float) -> None:
    first = stream.node.first_epoch
    runs = [shown(itertools.islice(stream.epoch(first + k), MOST_RECORDS + 1)) for k in range(2)]
    if len(runs[0]) > MOST_RECORDS:
        return
    cut = round(cut_at * len(runs[0]))
    state = saved_after(stream, processes, cut)
    assert state == saved_after(stream, other, cut)
    # After the last record a state loads as the next epoch: never an empty one.
    rest = runs[1] if 0 < cut == len(runs[0]) else runs[0][cut:]
    assert rest_after(stream, other, state) == rest
    assert rest_after(stream, processes, state) == rest


@pytest.mark.parametrize("verb", STEPS)
def test_a_verb_resumes_between_processes_and_threads(
    verb: str, processes: SharedProcesses
) -> None:
    before = [Step("map", 1), *([Step("batch", 4, 0)] if verb in ON_BATCHES else [])]
    stream = chained(Origin("global", 40, seed=3), [*before, STEPS[verb]], Calls())
    for cut_at in (0, 0.3, 1):
        check(stream, processes, hr.Threads(2), cut_at)


def test_a_generator_is_drawn_here_and_mapped_there(processes: SharedProcesses) -> None:
    stream = chained(Origin("generator", 40), [Step("map", 1), Step("batch", 3, 0)], Calls())
    for cut_at in (0, 0.5, 1):
        check(stream, processes, hr.Inline(), cut_at)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(origins(), steps(), st.floats(0, 1), st.sampled_from([hr.Inline(), hr.Threads(2)]))
def test_random_chains_resume_between_processes_and_others(
    processes: SharedProcesses, origin: Origin, chain: list[Step], cut_at: float, other: Backend
) -> None:
    check(chained(origin, chain, Calls()), processes, other, cut_at)

"""G2, G3, G4 and G6 over random chains: state, resume, sameness and laziness."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.chains import Calls, Origin, Step, chained, is_lazy, is_plain, origins, plain, steps

import headrace as hr
from headrace.contracts import Backend, Run, rows
from headrace.testing import repr_of

# Any, in this file: records are whatever the random stages make.
BACKENDS = st.sampled_from([hr.Inline(), hr.Threads(1), hr.Threads(3)])
# More than this is only slow.
MOST_RECORDS = 400
# So many are read from each state between two reads.
FOLLOWING = 3


def shown(records: Any) -> list[str]:
    return [repr_of(record) for record in records]


def saved_after(stream: Any, backend: Backend, epochs: int, cut: int) -> Any:
    """The state after so many whole epochs and `cut` records, as JSON gives it back."""
    with hr.DataLoader(stream, backend=backend) as loader:
        for _ in range(epochs):
            for _ in loader:
                pass
        for _ in itertools.islice(loader, cut) if cut else ():
            pass
        text = json.dumps(loader.state_dict())
    assert len(text) <= 1024 or "parents" in text, f"a state of {len(text)} bytes: {text}"
    return json.loads(text)


def check_resume(
    origin: Origin, chain: list[Step], cut_at: float, epochs: int, backends: tuple[Backend, ...]
) -> None:
    stream = chained(origin, chain, Calls())
    first = stream.node.first_epoch
    runs = [list(itertools.islice(stream.epoch(first + k), MOST_RECORDS + 1)) for k in range(3)]
    assume(all(len(run) <= MOST_RECORDS for run in runs))
    expected = [shown(run) for run in runs]
    if is_plain(origin, chain):
        assert expected[0] == shown(plain(origin, chain, Calls()))
    cut = round(cut_at * len(expected[epochs]))
    saver, loaded_by, other = backends
    state = saved_after(stream, saver, epochs, cut)
    assert state == saved_after(stream, other, epochs, cut), "the state depends on the backend"
    with hr.DataLoader(stream, backend=loaded_by) as loader:
        loader.load_state_dict(state)
        assert loader.state_dict() == state
        rest = shown(loader)
    # After the last record a state loads as the next epoch: never an empty one.
    assert rest == (
        expected[epochs + 1] if 0 < cut == len(expected[epochs]) else expected[epochs][cut:]
    )


def check_portions(origin: Origin, chain: list[Step], portions: list[int]) -> None:
    """Reads of random sizes give the same, from every state between them."""
    stream = chained(origin, chain, Calls())
    run = Run(epoch=stream.node.first_epoch)
    # What follows the last of them is looked at too.
    expected = shown(itertools.islice(stream, MOST_RECORDS + FOLLOWING))
    cursor = stream.node.open(run)
    found: list[str] = []
    for portion in itertools.cycle(portions):
        block = rows(cursor.read(portion))
        found += shown(block)
        if not block or len(found) >= MOST_RECORDS:
            break
        again = stream.node.open(run, json.loads(json.dumps(cursor.state())))
        following = shown(rows(again.read(FOLLOWING)))
        assert following == expected[len(found) : len(found) + len(following)]
        again.close()
    cursor.close()
    assert found[:MOST_RECORDS] == expected[:MOST_RECORDS]


def check_laziness(origin: Origin, chain: list[Step], wanted: int) -> None:
    """k records cost no more calls, and no more reads of the user's own source, than plain."""
    plain_calls, plain_reads = Calls(), list[int]()
    given_ = list(itertools.islice(plain(origin, chain, plain_calls, plain_reads), wanted))
    calls, reads = Calls(), list[int]()
    records = iter(chained(origin, chain, calls, reads))
    found = list(itertools.islice(records, wanted))
    assert shown(found) == shown(given_)
    for number, step in enumerate(chain):
        assert calls.count[number] <= plain_calls.count[number], f"{step} was called too often"
    if origin.kind in ("user", "generator"):
        assert len(reads) <= len(plain_reads), f"{len(reads)} reads, plain {len(plain_reads)}"


@settings(max_examples=700)
@given(origins(), steps(), st.floats(0, 1), st.integers(0, 1), st.tuples(*[BACKENDS] * 3))
def test_every_cut_of_every_chain_resumes_exactly_on_every_backend(
    origin: Origin,
    chain: list[Step],
    cut_at: float,
    epochs: int,
    backends: tuple[Backend, Backend, Backend],
) -> None:
    check_resume(origin, chain, cut_at, epochs, backends)


@settings(max_examples=400)
@given(origins(), steps(), st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_reads_of_any_size_give_the_same_records_and_states(
    origin: Origin, chain: list[Step], portions: list[int]
) -> None:
    check_portions(origin, chain, portions)


@settings(max_examples=500)
@given(origins(), steps(), st.integers(0, 30))
def test_n_records_cost_no_more_than_plain_generators(
    origin: Origin, chain: list[Step], wanted: int
) -> None:
    assume(is_plain(origin, chain) and is_lazy(origin, chain))
    check_laziness(origin, chain, wanted)


@pytest.mark.stress
@pytest.mark.timeout(1800)
@settings(
    max_examples=3000, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(
    origins(),
    steps(10),
    st.floats(0, 1),
    st.integers(0, 1),
    st.tuples(*[BACKENDS] * 3),
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
)
def test_thousands_of_longer_chains_resume_exactly(
    origin: Origin,
    chain: list[Step],
    cut_at: float,
    epochs: int,
    backends: tuple[Backend, Backend, Backend],
    portions: list[int],
) -> None:
    check_resume(origin, chain, cut_at, epochs, backends)
    check_portions(origin, chain, portions)
    if is_plain(origin, chain) and is_lazy(origin, chain):
        check_laziness(origin, chain, len(portions) * 5)

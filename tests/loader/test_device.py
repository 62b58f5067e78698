"""Batches on a device: one ahead of the loop, and a state that is exact all the same."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headrace as hr
from headrace.contracts.errors import ArgumentError, ClosedError

# Any, in this file: torch and JAX are optional here, and batches are of any type.
torch = pytest.importorskip("torch")


class Pair(NamedTuple):
    left: Any
    right: Any


CHAINS: dict[str, Callable[[hr.Stream[Any]], hr.Stream[Any]]] = {
    "batches": lambda s: s.batch(3),
    "filtered": lambda s: s.filter(lambda x: x % 3).batch(2),
    "several": lambda s: s.flat_map(lambda x: [x] * (x % 3)).batch(2),
    "windows": lambda s: s.filter(lambda x: x % 2).shuffle(4, seed=1).batch(2),
    "ahead": lambda s: s.async_map(lambda x: x + 1).batch(3),
}


def stream(chain: str = "batches", size: int = 20) -> hr.Stream[Any]:
    return CHAINS[chain](hr.DataRef.from_sequence(range(size)).shuffle(seed=7).stream())


def on_cpu(chain: str = "batches", **more: Any) -> hr.DataLoader[Any]:
    return hr.DataLoader(stream(chain), to="torch", device="cpu", **more)


def lists(batches: Any) -> list[Any]:
    return [batch.tolist() for batch in batches]


@pytest.mark.parametrize("backend", [hr.Inline(), hr.Threads(2)], ids=str)
@pytest.mark.parametrize("chain", CHAINS)
def test_the_state_at_every_cut_is_that_of_a_loader_without_a_device(
    chain: str, backend: Any
) -> None:
    with hr.DataLoader(stream(chain), to="torch") as plain, on_cpu(chain, backend=backend) as there:
        for _ in range(2):
            assert there.state_dict() == plain.state_dict()
            for batch, wanted in zip(there, plain, strict=True):
                assert torch.equal(batch, wanted)
                assert there.state_dict() == plain.state_dict()
                assert there.epoch == plain.epoch


@pytest.mark.parametrize("chain", CHAINS)
def test_a_resume_goes_on_with_the_batch_that_was_not_given(chain: str) -> None:
    with on_cpu(chain) as loader:
        whole = lists(loader)
    for cut in range(1, len(whole)):
        with on_cpu(chain) as first, on_cpu(chain) as second:
            batches = iter(first)
            for _ in range(cut):
                next(batches)
            second.load_state_dict(first.state_dict())
            assert lists(second) == whole[cut:]


# What a user does, one thing after the other: the same to a loader with and without a device.
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("limit"), st.integers(1, 5), st.integers(0, 6)),
        st.tuples(st.just("for"), st.just(0), st.integers(0, 9)),
        st.tuples(st.just("seed"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("reload"), st.just(0), st.just(0)),
        st.tuples(st.just("blocks"), st.integers(1, 3), st.integers(0, 3)),
    ),
    max_size=8,
)


def done(loader: hr.DataLoader[Any], action: tuple[str, int, int]) -> list[Any]:
    kind, number, taken = action
    if kind == "seed":
        loader.seed(number)
    elif kind == "reload":
        loader.load_state_dict(loader.state_dict())
    elif kind == "blocks":
        blocks = zip(loader.blocks(number), range(taken), strict=False)
        return [[batch.tolist() for batch in block] for block, _ in blocks]
    else:
        batches = loader.limit(number) if kind == "limit" else iter(loader)
        return [batch.tolist() for batch, _ in zip(batches, range(taken), strict=False)]
    return []


@settings(max_examples=40, deadline=None)
@given(ACTIONS, st.sampled_from(["batches", "filtered"]))
def test_whatever_is_done_to_it_the_same_batches_and_states_come(
    actions: list[tuple[str, int, int]], chain: str
) -> None:
    with hr.DataLoader(stream(chain, 9), to="torch") as plain:
        there = hr.DataLoader(stream(chain, 9), to="torch", device="cpu")
        for action in actions:
            assert done(there, action) == done(plain, action)
            assert there.epoch == plain.epoch
            assert there.state_dict() == plain.state_dict()
            assert there.upcoming()[1] == plain.upcoming()[1]
        there.shutdown()


def test_one_batch_is_ahead_of_the_loop_and_no_more() -> None:
    made: list[int] = []
    ones = hr.stream(range(10)).tap(made.append).batch(1)
    batches = iter(hr.DataLoader(ones, to="torch", device="cpu"))
    next(batches)
    assert made == [0, 1]
    next(batches)
    assert made == [0, 1, 2]


def test_an_error_comes_after_what_was_made_before_it_and_again() -> None:
    def refused(x: int) -> int:
        if x == 3:
            raise ValueError("three")
        return x

    with hr.DataLoader(hr.stream(range(6)).map(refused).batch(1), to="torch", device="cpu") as one:
        batches, found = iter(one), []
        with pytest.raises(ValueError, match="three"):
            found += [batch.tolist() for batch in iter(lambda: next(batches), None)]
        with pytest.raises(ValueError, match="three"):
            next(batches)
        assert one.state_dict()["at"] == 3


def test_the_older_of_two_iterators_is_refused_and_one_after_the_end() -> None:
    loader = on_cpu()
    older = iter(loader)
    next(older)
    newer = iter(loader)
    with pytest.raises(ClosedError, match="not the loader's newest"):
        next(older)
    next(newer)
    state = loader.state_dict()
    loader.shutdown()
    with pytest.raises(ClosedError, match="was shut down"):
        next(newer)
    assert loader.state_dict() == state


def test_structure_shapes_dtypes_and_what_is_no_tensor_stay() -> None:
    record: dict[str, Any] = {
        "pair": Pair(np.arange(3, dtype=np.uint8), [np.float16(2)]),
        "name": "a",
        "swapped": np.arange(2, dtype=">i4"),
        "empty": np.zeros((0, 4), np.complex64),
    }
    [batch] = hr.DataLoader(hr.stream([record]), to="torch", device="cpu")
    assert batch["pair"].left.dtype == torch.uint8
    assert batch["pair"].right[0].shape == ()
    assert batch["name"] == "a"
    assert batch["swapped"].tolist() == [0, 1]
    assert batch["empty"].shape == (0, 4)


def test_any_device_of_torch_will_do() -> None:
    [batch] = hr.DataLoader(hr.stream(range(2)).batch(2), to="torch", device=torch.device("meta"))
    assert batch.device.type == "meta"
    assert batch.shape == (2,)


def on_meta() -> int:
    gc.collect()
    tensors = (one for one in gc.get_objects() if type(one) is torch.Tensor)
    return sum(one.device.type == "meta" for one in tensors)


def test_a_loop_that_is_left_keeps_no_batch_on_the_device() -> None:
    loader = hr.DataLoader(stream(), to="torch", device="meta")
    batches = iter(loader)
    next(batches)
    assert on_meta() > 0
    del batches
    assert on_meta() == 0
    assert loader.state_dict()["at"] == 1


def test_jax_takes_devices_and_their_names() -> None:
    jax = pytest.importorskip("jax")
    for device in ("cpu", "cpu:0", jax.devices()[0]):
        with hr.DataLoader(stream(), to="jax", device=device) as loader:
            found = lists(loader)
        assert found == lists(stream())
    with pytest.raises(ArgumentError, match="'cpu:7' was asked, and JAX has no such device"):
        hr.DataLoader(stream(), to="jax", device="cpu:7")
    with pytest.raises(ArgumentError, match="a name, a jax.Device or a Sharding, got 3"):
        hr.DataLoader(stream(), to="jax", device=3)


@pytest.mark.parametrize("to", [None, "numpy"])
def test_a_device_needs_tensors_that_can_go_there(to: Any) -> None:
    with pytest.raises(ArgumentError, match=r"device='cpu' was asked .* Say whose they become"):
        hr.DataLoader(stream(), to=to, device="cpu")


def test_a_device_that_torch_does_not_know_is_named() -> None:
    with pytest.raises(ArgumentError, match="device='gpu9' was asked, and torch knows no device"):
        hr.DataLoader(stream(), to="torch", device="gpu9")
    if torch.backends.mps.is_available():
        pytest.skip("this machine has it")
    said = r"device='mps' was asked, and torch .* cannot use it here: [^.]+\.[^.]+\. Use a device"
    with pytest.raises(ArgumentError, match=said):
        hr.DataLoader(stream(), to="torch", device="mps")


def test_cuda_without_a_gpu_says_what_is_missing() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ArgumentError, match=r"device='cuda:0' was asked, .* or use device='cpu'"):
        hr.DataLoader(stream(), to="torch", device="cuda:0")

"""Batches on JAX devices: what is ahead, what is shared out, and what a stop leaves."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.adapters.jax import device_batches
from headrace.contracts.errors import ArgumentError

# Any, in this file: JAX is optional here, and batches are of any type.
jax = pytest.importorskip("jax")


def stream() -> hr.Stream[Any]:
    rng = np.random.default_rng(1)
    arrays = {"x": rng.normal(size=(37, 3)).astype("f4"), "y": rng.normal(size=37).astype("f4")}
    return hr.stream(arrays).shuffle(37, seed=7).batch(4)


def test_batches_come_in_order_as_arrays_on_the_device() -> None:
    found = list(device_batches(hr.DataLoader(stream()), size=3, device=jax.devices()[0]))
    wanted = stream().collect()

    assert all(isinstance(batch["x"], jax.Array) for batch in found)
    assert [np.asarray(b["x"]).tolist() for b in found] == [b["x"].tolist() for b in wanted]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_so_many_batches_are_ahead(size: int) -> None:
    loader = hr.DataLoader(stream())
    batches = device_batches(loader, size=size)
    assert loader.state_dict()["at"] == 0
    next(batches)
    assert loader.state_dict()["at"] == size
    next(batches)
    assert loader.state_dict()["at"] == size + 1
    assert loader.state_dict(delivered=2)["at"] == 2


def test_leaving_early_leaves_no_array_on_the_device() -> None:
    gc.collect()
    before = len(jax.live_arrays())
    batches = device_batches(hr.DataLoader(stream()), size=4)
    next(batches)
    assert len(jax.live_arrays()) > before
    del batches
    gc.collect()
    assert len(jax.live_arrays()) == before


def trained(loader: hr.DataLoader[Any], weights: Any, steps: int) -> Any:
    @jax.jit  # type: ignore[untyped-decorator]
    def step(weights: Any, batch: Any) -> Any:
        def loss(weights: Any) -> Any:
            return ((batch["x"] @ weights - batch["y"]) ** 2).mean()

        return weights - 0.1 * jax.grad(loss)(weights)

    left = steps
    while left:
        for batch in device_batches(loader):
            weights, left = step(weights, batch), left - 1
            if not left:
                break
    return weights


@pytest.mark.parametrize("stop", [4, 10, 17])
def test_a_training_that_is_stopped_goes_on_bit_for_bit(stop: int) -> None:
    start = jax.numpy.zeros(3)
    whole = trained(hr.DataLoader(stream()), start, 24)

    first = hr.DataLoader(stream(), backend=hr.Threads(2))
    with first:
        weights = np.asarray(trained(first, start, stop))
        saved = json.dumps(first.state_dict(delivered=stop))
    second = hr.DataLoader(stream())
    second.load_state_dict(json.loads(saved))
    again = trained(second, jax.numpy.asarray(weights), 24 - stop)
    assert np.array_equal(np.asarray(again), np.asarray(whole))


SHARDED = """
import jax, numpy as np, headrace as hr
from headrace.adapters.jax import device_batches

mesh = jax.sharding.Mesh(np.array(jax.devices()), ("data",))
spread = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
stream = hr.stream({"x": np.arange(10.0, dtype="f4")}).batch(4, drop_last=True)
for batch in device_batches(hr.DataLoader(stream), device=spread):
    print([shard.data.tolist() for shard in batch["x"].addressable_shards])
last = jax.devices()[1]
print(next(device_batches(hr.DataLoader(stream), device=last))["x"].devices() == {last})
"""


def test_a_sharding_spreads_a_batch_over_devices() -> None:
    flags = "--xla_force_host_platform_device_count=2"
    done = subprocess.run(
        [sys.executable, "-c", SHARDED],
        capture_output=True,
        text=True,
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
    )

    wanted = "[[0.0, 1.0], [2.0, 3.0]]\n[[4.0, 5.0], [6.0, 7.0]]\nTrue\n"
    assert done.stdout == wanted, done.stderr


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(ArgumentError, match="takes a headrace DataLoader, got Stream. Make one"):
        device_batches(stream())  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="size must be a whole number of at least 1, got 0"):
        device_batches(hr.DataLoader(stream()), size=0)

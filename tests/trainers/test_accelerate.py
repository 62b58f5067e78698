"""Accelerate saves and loads a loader that is registered with it."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import headrace as hr

# Any, in this file: Accelerate and torch are optional.


def loader(*, is_known: bool) -> hr.DataLoader[Any]:
    stream = hr.DataRef.from_sequence(range(40)).shuffle(seed=7).stream()
    stream = stream if is_known else stream.filter(lambda x: x % 3 != 0)
    return hr.DataLoader(stream.batch(3), to="torch")


def prepared(accelerate: Any, batches: hr.DataLoader[Any]) -> tuple[Any, Any, Any]:
    import torch

    accelerator = accelerate.Accelerator(cpu=True)
    layer = torch.nn.Linear(1, 1)
    given = (layer, torch.optim.SGD(layer.parameters(), 1e-4))
    layer, optimizer, same = accelerator.prepare(*given, batches)
    assert same is batches
    accelerator.register_for_checkpointing(batches)
    return accelerator, layer, optimizer


def trained(accelerate: Any, run: tuple[Any, Any, Any], batch: Any) -> list[int]:
    accelerator, layer, optimizer = run
    with accelerator.accumulate(layer):
        accelerator.backward(layer(batch.float()[:, None]).sum())
        optimizer.step()
        optimizer.zero_grad()
    return list(batch.tolist())


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("count", [2, 16])
def test_a_run_that_was_saved_in_mid_epoch_goes_on(
    tmp_path: Path, is_known: bool, count: int
) -> None:
    pytest.importorskip("torch")
    accelerate = pytest.importorskip("accelerate")
    whole, batches, again = (loader(is_known=is_known) for _ in range(3))
    first = prepared(accelerate, batches)
    seen: list[list[int]] = []
    while len(seen) < count:
        seen += [trained(accelerate, first, batch) for batch in islice(batches, count - len(seen))]
    first[0].save_state(str(tmp_path / "saved"))
    second = prepared(accelerate, again)
    second[0].load_state(str(tmp_path / "saved"))
    while again.epoch < 2:
        seen += [trained(accelerate, second, batch) for batch in again]

    assert seen == [batch.tolist() for _ in range(2) for batch in whole]
    assert second[1].weight.tolist() != first[1].weight.tolist() or count == len(seen)

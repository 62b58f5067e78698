"""The protocols by which frameworks find out that a loader can be saved."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import pytest

import headrace as hr

# Any, in this file: the protocols are those of optional packages.


def loader() -> hr.DataLoader[Any]:
    return hr.DataLoader(hr.stream(range(20)).filter(lambda x: x % 3).batch(3))


@pytest.mark.parametrize(
    ("package", "module", "name"),
    [
        ("torch", "torch.distributed.checkpoint.stateful", "Stateful"),
        ("lightning", "lightning.fabric.utilities.types", "_Stateful"),
        ("torchdata", "torchdata.stateful_dataloader", "Stateful"),
    ],
    ids=["torch", "lightning", "torchdata"],
)
def test_a_loader_is_what_a_framework_calls_stateful(package: str, module: str, name: str) -> None:
    if package == "torchdata" and importlib.util.find_spec(package) is None:
        # It is no longer developed, so nothing here installs it; its protocol is these two.
        assert callable(loader().state_dict)
        assert callable(loader().load_state_dict)
        return
    pytest.importorskip(package)

    assert isinstance(loader(), getattr(importlib.import_module(module), name))


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled:UserWarning")
def test_a_distributed_checkpoint_of_torch_keeps_a_loader(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from torch.distributed.checkpoint.state_dict_loader import load
    from torch.distributed.checkpoint.state_dict_saver import save

    first, second = loader(), loader()
    batches = iter(first)
    next(batches)
    save({"loader": first}, checkpoint_id=tmp_path / "saved", no_dist=True)
    load({"loader": second}, checkpoint_id=tmp_path / "saved", no_dist=True)

    assert [batch.tolist() for batch in second] == [batch.tolist() for batch in batches]

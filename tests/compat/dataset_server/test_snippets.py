"""What dataset_server's document shows, each in a process of its own, its imports changed.

Mended: the two parameters, which are comments there, have values; the loop has a body; the class
that takes its arguments by position, which the reader has, is written out. What the document says
of `cache_setting` and `rotation_setting` in words stands here as the dicts it means.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# Any, in this file: what a snippet prints is JSON.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

DATASET = """
import json
import numpy as np
from headrace.compat.dataset_server import DataLoader

class YourDataset:
    def __init__(self, param1_value, param2_value):
        self.records = np.arange(param1_value * param2_value).reshape(param1_value, param2_value)

    def __len__(self):
        return len(self.records)

    def __getitem__(self, index):
        with open("made", "a") as file:
            file.write(".")
        return self.records[index], index

class SuitableDataset(YourDataset):
    def __init__(self, **kwargs):
        super().__init__(kwargs["param1"], kwargs["param2"])

params = {"param1": 300, "param2": 4}
"""

USAGE = """
async_dataloader = DataLoader(
    dataset_class=SuitableDataset,
    dataset_params=params,
    batch_size=128,
    nb_worker=1,
    shuffle=True,
)
shapes, seen = [], []
for samples in async_dataloader:
    shapes.append(samples[0].shape)
    seen += samples[1].tolist()
async_dataloader.close()
print(json.dumps([shapes, seen]))
"""

SETTING = """
epochs = []
with DataLoader(SuitableDataset, params, 128, 1, shuffle=True, {setting}) as loader:
    for epoch in range(3):
        epochs.append([index for samples in loader for index in samples[1].tolist()])
made = len(open("made").read())
print(json.dumps([epochs, made]))
"""


def run(folder: Path, snippet: str) -> Any:
    """What a script in that folder prints last."""
    (folder / "script.py").write_text(DATASET + snippet)
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_dataset_bootstrapped_to_keywords_is_loaded_like_with_any_other_loader(
    tmp_path: Path,
) -> None:
    shapes, seen = run(tmp_path, USAGE)

    assert shapes == [[128, 4], [128, 4], [44, 4]]
    assert sorted(seen) == list(range(300))
    assert seen != list(range(300))


@pytest.mark.parametrize(("frequency", "made"), [("2", 2), ("float('inf')", 1)])
def test_a_cache_is_rewritten_every_so_many_epochs(
    frequency: str, made: int, tmp_path: Path
) -> None:
    setting = f"cache_setting={{'prefix': 'cached/train', 'update_frequency': {frequency}}}"

    epochs, count = run(tmp_path, SETTING.format(setting=setting))

    assert [sorted(epoch) for epoch in epochs] == [list(range(300))] * 3
    assert count == made * 300
    if made == 1:
        # Never updated is never, for the next run too.
        assert run(tmp_path, SETTING.format(setting=setting))[1] == 300


@pytest.mark.parametrize(
    "rest", ["'medium': 'memory'", "'medium': 'disk', 'prefix': 'rotated/train', 'size': 100"]
)
def test_rotation_uses_each_record_so_often_and_makes_it_once(rest: str, tmp_path: Path) -> None:
    setting = f"rotation_setting={{'rotation': 3, {rest}}}"

    epochs, count = run(tmp_path, SETTING.format(setting=setting))

    assert [sorted(epoch) for epoch in epochs] == [sorted([*range(300)] * 3)] * 3
    assert count == 3 * 300

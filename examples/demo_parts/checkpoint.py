"""A checkpoint: the model's arrays, the step, and where the loader stands."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# Any, in this file: the loader's state is JSON, and files hold arrays of several dtypes.

Arrays = dict[str, npt.NDArray[np.float64]]


def save(path: Path, arrays: Arrays, step: int, loader_state: dict[str, Any]) -> None:
    """Writes aside and renames: a kill at any instant leaves the old checkpoint or the new one."""
    aside = path.with_suffix(".part")
    position = np.array(json.dumps({"step": step, "loader": loader_state}))
    named: dict[str, Any] = {"position": position, **arrays}
    with aside.open("wb") as file:
        np.savez(file, **named)
    os.replace(aside, path)


def load(path: Path) -> tuple[Arrays, int, dict[str, Any]]:
    """The arrays, the step and the loader's state; no pickle is read."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files if name != "position"}
        position = json.loads(str(file["position"]))
    return arrays, position["step"], position["loader"]

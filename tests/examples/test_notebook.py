"""The notebook runs in a real kernel, with its event loop, interrupts and second runs."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

# Any, in this file: packages without types.
NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook.ipynb"
DEADLINE_SECONDS = 60


def text_of(cell: Any) -> str:
    """What a cell has printed."""
    return "".join(out.get("text", "") for out in cell.outputs)


def interrupt(cell: Any, kernel: int) -> None:
    """Interrupts a kernel once a cell has begun to print, as its button does."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not text_of(cell):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(kernel, signal.SIGINT)


def test_the_notebook_runs_is_interrupted_and_runs_again(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    imports, epoch, training, resumed, end = [c for c in notebook.cells if c.cell_type == "code"]
    client = nbclient.NotebookClient(
        notebook, timeout=90, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}
    )
    with client.setup_kernel():

        def run(cell: Any) -> str:
            cell.outputs = []
            client.execute_cell(cell, notebook.cells.index(cell))
            return text_of(cell)

        assert run(imports) == ""
        assert run(epoch) == "100 399800000.0\n"
        kernel = client.km.provisioner.pid
        first = workers_under(kernel)
        assert run(epoch).startswith("100 ")
        assert not first & workers_under(kernel), "the workers of the older loader have ended"
        presses = threading.Thread(target=interrupt, args=(training, kernel))
        training.outputs = []
        presses.start()
        client.execute_cell(training, notebook.cells.index(training))
        presses.join()
        assert training.outputs[-1].ename == "KeyboardInterrupt"
        assert 0 < len(text_of(training).split()) < 100
        assert run(resumed) == "100\n"
        run(end)
        assert not workers_under(kernel)


def workers_under(process: int) -> set[int]:
    """What a process has started."""
    return {child.pid for child in psutil.Process(process).children(recursive=True)}

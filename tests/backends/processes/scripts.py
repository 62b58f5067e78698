"""Scripts as users write them: without a `__main__` guard, run as programs of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

# Squares in the workers, of which one comes to a place where it stays.
ENDLESS = """
import ctypes
import headrace as hr
def square(x):
    if x == 1000:
        print("reached", flush=True)
        {stay}
    return x * x
stream = hr.stream(range(2000)).repeat().map(square)
loader = hr.DataLoader(stream, backend=hr.Processes(2, start_method="{method}"))
for record in loader:
    pass
"""
ONCE = """
import headrace as hr
print("begin", flush=True)
class Point:
    def __init__(self, x):
        self.x = x
points = hr.stream(range(10)).map(Point)
loader = hr.DataLoader(points, backend=hr.Processes(2))
print(sum(point.x for point in loader), type(next(iter(loader))) is Point, flush=True)
"""
INTERRUPTED = """
import os, signal
import headrace as hr
loader = hr.DataLoader(hr.stream(range(1000)).map(abs).batch(10), backend=hr.Processes(2))
seen = 0
try:
    for batch in loader:
        seen += 1
        if seen == 7:
            # As a terminal does it: to every process of the group.
            os.killpg(0, signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted", loader.state_dict()["epoch"], seen, flush=True)
state = loader.state_dict()
print(sum(1 for _ in loader), flush=True)
loader.shutdown()
again = hr.DataLoader(hr.stream(range(1000)).map(abs).batch(10))
again.load_state_dict(state)
print(next(iter(again)).tolist()[0], flush=True)
"""


def started(folder: Path, script: str) -> subprocess.Popen[str]:
    """A program in a session of its own, with its output."""
    path = folder / "script.py"
    path.write_text(script, "utf-8")
    # In this mode Python tells of all that was not closed.
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONDEVMODE": "1"}
    return subprocess.Popen(
        [sys.executable, path],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    )


def lines_until(output: IO[str] | None, word: str) -> list[str]:
    """The lines up to one that begins with a word."""
    found: list[str] = []
    assert output is not None
    for line in output:
        found.append(line.strip())
        if line.startswith(word):
            return found
    raise AssertionError(f"{word} was never said: {found}")


def output_of(folder: Path, script: str) -> list[str]:
    """What a program prints that ends well, and leaves nobody behind."""
    with started(folder, script) as program:
        output, _ = program.communicate(timeout=60)
    assert program.returncode == 0, output
    return output.splitlines()

"""The example of torchdata's tutorial: CSV files, parsed, shuffled, shared out, batched."""

# Any, in this file: the names of torchdata, from wherever they are.
from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect, read_rate, warm
from benchmarks.reading import WORKERS

WORK = "compat torchdata"
FILES = 4
RECORDS = 40_000
COLUMNS = 8
BATCH = 8
# Makes a loader of a graph, on so many workers.
Loading = Callable[[Any, int], Any]


def cases(name: str, wrapper: Callable[[list[str]], Any], loading: Loading) -> list[Case]:
    """The case of one who has the names."""
    return [Case(WORK, name, lambda bench: _rate(bench, wrapper, loading))]


def _rate(bench: Bench, wrapper: Callable[[list[str]], Any], loading: Loading) -> Figures:
    records = bench.effort.records(RECORDS) // FILES * FILES
    folder = _written(bench.scratch / "csv rows", records)
    warm(folder)
    graph = wrapper([str(path) for path in sorted(folder.iterdir())])
    graph = graph.open_files(encoding="utf-8").parse_csv()
    graph = graph.shuffle().sharding_filter().map(numbers).batch(BATCH)
    loader = loading(graph, WORKERS)
    epochs = count()

    def epoch() -> Iterable[Any]:
        loader.seed(next(epochs))
        found: Iterable[Any] = loader
        return found

    try:
        return read_rate(epoch, records=records, per_batch=BATCH, check=_check, effort=bench.effort)
    finally:
        loader.shutdown()


def numbers(row: list[str]) -> list[float]:
    """The map of the graph."""
    return [float(field) for field in row]


def _written(folder: Path, records: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(FILES):
        rows = range(number, records, FILES)
        lines = (",".join(str(row + column / 8) for column in range(COLUMNS)) for row in rows)
        (folder / f"train{number}.csv").write_text("\n".join(lines) + "\n")
    return folder


def _check(batch: Any) -> None:
    rows = list(batch)
    wanted = [[row[0] + column / 8 for column in range(COLUMNS)] for row in rows]
    expect(len(rows) == BATCH and rows == wanted, f"the first batch is {rows}")

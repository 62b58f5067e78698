"""Every snippet of Squirrel's IterStream document, each a program of its own.

What is changed is the imports, `squirrel` to `headrace.compat.squirrel`, and these slips: imports
that the document leaves out, `print(i)` in loops over `item`, stores and samples that come from
the snippet before, waits of 2 s that are 10 ms, 10 ** 4 arrays of 8 MB that are 10, a cluster of
Dask with two workers and no web page, and wandb and mlflow without a server. In a prefix for
mlflow the parentheses are left out, which it refuses. Below the line of each snippet stands what
it must have done.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLES = """
import numpy as np
from squirrel.iterstream.source import IterableSource
from squirrel.storage import MemoryStore

def get_sample():
    return {
        "id": f"id_{np.random.randint(1, 10000)}",
        "image": np.random.random(size=(1, 1, 1)),
        "label": np.random.choice([0, 1]),
        "meta": {"key": "value", "split": np.random.choice(["train", "test", "validation"])},
    }

st = MemoryStore()
samples = [get_sample() for _ in range(10)]
"""
STORED = f"""{SAMPLES}
IterableSource(samples).async_map(lambda x: st.set(x)).join()
"""
ARRAYS = """
import os
import numpy as np
from squirrel.iterstream.source import IterableSource

def times_two(x: float) -> float:
    return x * 2

samples = [np.random.rand(1000, 1000) for i in range(10)]
batch_size = 5
"""
WANDB = f"""{ARRAYS}
import wandb
rows = []

def log(metrics):
    rows.append(metrics)
    wandb.log(metrics)
"""

SNIPPETS = {
    "loop over a source": """
from squirrel.iterstream.source import IterableSource

it_loader = IterableSource([1, 2, 3, 4])
for item in it_loader:
    print(item)
# ---
assert list(it_loader) == [1, 2, 3, 4]
""",
    "map, async_map and filter": """
from squirrel.iterstream.source import IterableSource

it_loader = (
    IterableSource([1, 2, 3, 4])
    .map(lambda x: x + 1)
    .async_map(lambda x: x ** 2)
    .filter(lambda x: x % 2 == 0)
)
for item in it_loader:
    print(item)
# ---
assert it_loader.collect() == [4, 16]
assert IterableSource([1, 2]).map_async(lambda x: x ** 2).collect() == [1, 4]
""",
    "set in a store, by join": f"""{STORED}
# ---
assert sorted(map(id, map(st.get, st.keys()))) == sorted(map(id, samples))
""",
    "set in a store, by a loop": f"""{SAMPLES}
it_ = IterableSource(samples).async_map(lambda x: st.set(x))

for i in it_:
    pass
# ---
assert len(list(st.keys())) == 10
""",
    "read from a store": f"""{STORED}
it_loader = IterableSource(st.keys()).async_map(lambda key: st.get(key))
found = []
for item in it_loader:
    print(item)
    found.append(item["id"])
# ---
assert found == [st.get(key)["id"] for key in st.keys()]
""",
    "shuffle and batch": f"""{STORED}
it_loader = (
    IterableSource(st.keys())
    .shuffle(size=5)
    .async_map(lambda key: st.get(key))
    .batched(batchsize=3, drop_last_if_not_full=True)
)
sizes = []
for item in it_loader:
    print(item)
    sizes.append(len(item))
# ---
assert sizes == [3, 3, 3]
""",
    "sink and prefetch": f"""{SAMPLES}
IterableSource(samples).sink(st)
it_loader = IterableSource(st.keys()).shuffle(size=5).prefetch(st).batched(batchsize=2)
found = []
for item in it_loader:
    print(item)
    found += item
# ---
assert sorted(map(id, found)) == sorted(map(id, samples))
""",
    "collect": """
from squirrel.iterstream.source import IterableSource

result = IterableSource([1, 2, 3]).map(lambda x: x+1).collect()
# ---
assert result == [2, 3, 4]
""",
    "compose": """
from squirrel.iterstream import Composable
from squirrel.iterstream.source import IterableSource

class MyIter(Composable):
    def __init__(self):
        super().__init__()

    def __iter__(self):
        for i in iter(self.source):
            yield f"_{i}", i

it = IterableSource([1, 2, 3]).compose(MyIter)
for i in it:
    print(i)
# ---
assert list(it) == [("_1", 1), ("_2", 2), ("_3", 3)]
""",
    "sample from several": """
from squirrel.iterstream.source import IterableSamplerSource, IterableSource

it1 = IterableSource([1, 2, 3]).map(lambda x: x + 1)
it2 = [1, 2, 3]

res = IterableSamplerSource(iterables=[it1, it2], probs=[.7, .3]).collect()
assert sum(res) == 15
""",
    "a pool of processes": """
import time
from concurrent.futures import ProcessPoolExecutor
from squirrel.iterstream.source import IterableSource

if __name__ == "__main__":
    pool = ProcessPoolExecutor(2)
    def runtime_transformation(item):
        time.sleep(0.01)
        return item + 1

    it = IterableSource([1, 2, 3]).async_map(runtime_transformation, executor=pool)
    for i in it:
        print(i)
    # ---
    assert it.collect() == [2, 3, 4]
    pool.shutdown()
""",
    "numba": """
import numpy as np
from squirrel.iterstream.source import IterableSource

it = IterableSource([np.ones(3), np.zeros(3)]).async_map(lambda x: x.sum(), executor="numba")
# ---
assert it.collect() == [3, 0]
""",
    "dask": """
import time
import dask.distributed
from squirrel.iterstream.source import IterableSource

if __name__ == "__main__":
    client = dask.distributed.Client(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    )
    def runtime_transformation(item):
        time.sleep(0.01)
        return item + 1

    it = IterableSource([1, 2, 3]).async_map(runtime_transformation, executor=client)
    for i in it:
        print(i)
    # ---
    assert it.collect() == [2, 3, 4]
    client.close()
""",
    "torch": """
import torch.utils.data as tud
from squirrel.iterstream.source import IterableSource
from squirrel.iterstream.torch_composables import SplitByRank, SplitByWorker, TorchIterable

def times_two(x: float) -> float:
    return x * 2

samples = list(range(100))
batch_size = 5
num_workers = 4
it = (
        IterableSource(samples)
        .compose(SplitByRank)
        .async_map(times_two)
        .compose(SplitByWorker)
        .batched(batch_size)
        .compose(TorchIterable)
    )
dl = tud.DataLoader(it, num_workers=num_workers)
# ---
found = sorted(int(number) for batch in dl for number in batch)
assert found == list(range(0, 200, 2))
""",
    "wandb": f"""{WANDB}
with wandb.init():
    it = (
        IterableSource(samples)
        .async_map(times_two)
        .monitor(log)
        .batched(batch_size)
    )
    result = it.collect()
# ---
assert [len(batch) for batch in result] == [5, 5]
assert all(np.array_equal(one, 2 * two) for one, two in zip(sum(result, []), samples))
assert len(rows) == 6 and set(rows[0]) == {{"IOPS number/s", "throughput MB/s"}}

with wandb.init():
    it = (
        IterableSource(samples)
        .monitor(log, prefix="(before async_map) ")
        .async_map(times_two)
        .monitor(log, prefix="(after async_map) ")
        .batched(batch_size)
    )
    it.collect()
# ---
names = set().union(*rows[6:])
assert len(rows) == 18 and names == {{
    f"({{where}} async_map) {{what}}"
    for where in ("before", "after")
    for what in ("IOPS number/s", "throughput MB/s")
}}
""",
    "mlflow": f"""{ARRAYS}
import mlflow

mlflow.set_tracking_uri("file://" + os.getcwd() + "/runs")
with mlflow.start_run() as run:
    it = (
        IterableSource(samples)
        .monitor(mlflow.log_metrics, prefix="before async_map ")
        .async_map(times_two)
        .monitor(mlflow.log_metrics, prefix="after async_map ")
        .batched(batch_size)
    )
    it.take(2).join()
# ---
kept = mlflow.MlflowClient().get_run(run.info.run_id).data.metrics
assert len(kept) == 4 and all(value > 0 for value in kept.values())
""",
    "which metrics": """
from squirrel.iterstream.source import IterableSource
from squirrel.metrics import MetricsConf

rows = []
IterableSource(range(5)).monitor(rows.append, metrics_conf=MetricsConf(throughput=False)).join()
# ---
assert rows[0]["IOPS number/s"] > 0 and rows[0]["throughput MB/s"] == 0
""",
}
# What a snippet needs beside the core; those that take long, all of them, are slow.
NEEDS = {
    "dask": "distributed",
    "mlflow": "mlflow",
    "numba": "numba",
    "torch": "torch",
    "wandb": "wandb",
}
QUIET = {
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
}


SLOW = {*NEEDS, "a pool of processes"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in SNIPPETS],
)
def test_each_snippet_runs_with_its_imports_changed(name: str, tmp_path: Path) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    program = tmp_path / "snippet.py"
    changed = re.sub("^from squirrel", "from headrace.compat.squirrel", SNIPPETS[name], flags=re.M)
    program.write_text(changed)

    ended = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr

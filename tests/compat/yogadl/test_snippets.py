"""The snippets of YogaDL's two documents, in a fresh process, their imports changed.

The walkthrough, the training on MNIST and the DataRef of one's own, which the first document
includes, are the files in examples/compat; tests/examples/test_compat_yogadl.py runs them. Mended:
digits stand for MNIST; `import horovod.tensorflow` is a loop over the ranks of a world of two; the
README's `indices = np.random.shuffle(indices)`, which gives None, shuffles in place, and its `...`
and `skip` have values.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

IMPORTS = """
import tensorflow as tf
import headrace.compat.yogadl as yogadl
"""
STORAGE = """
storage = yogadl.storage.LFSStorage(yogadl.storage.LFSConfigurations("."))
"""
DISTRIBUTED = """
storage.submit(tf.data.Dataset.range(7), "range", "1.0")
dataref = storage.fetch("range", "1.0")
for rank in range(2):
    stream = dataref.stream(shard_rank=rank, num_shards=2)
    print([int(n) for n in yogadl.tensorflow.make_tf_dataset(stream)])
"""
LAYERS = """
import numpy as np

indices = list(range(100))
indices = indices[90:]
np.random.shuffle(indices)

def record_gen():
    for i in indices:
        yield i

record_ds = tf.data.Dataset.from_generator(record_gen, output_signature=tf.TensorSpec((), tf.int64))
final_ds = record_ds.prefetch(2)

from headrace.compat.yogadl.dataref import RecordsDataRef
import headrace as hr
stream = RecordsDataRef(hr.DataRef.from_sequence(range(100))).stream(90, True, False, 1)
ours = yogadl.tensorflow.make_tf_dataset(stream).prefetch(2)
print(sorted(final_ds.as_numpy_iterator()) == list(range(90, 100)), len(list(ours)))
"""


def test_each_rank_has_its_shard_and_the_random_access_layer_is_a_dataref(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    # In one process: to start TensorFlow takes longer than all else.
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTS + STORAGE + DISTRIBUTED + LAYERS],
        cwd=tmp_path,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["[0, 2, 4, 6]", "[1, 3, 5]", "True 10"]

"""What importing the facade brings in, and what it leaves out."""

from __future__ import annotations

import subprocess
import sys

import headrace.compat.yogadl as yogadl

# What YogaDL imported, or needed installed.
HEAVY = "tensorflow, lmdb, boto3, google.cloud.storage, websockets, filelock, torch"
PROGRAM = f"""
import sys
import headrace as hr
hr.Storage("memory://")
assert not any(name.startswith("headrace.compat") for name in sys.modules)
sys.modules["tensorflow"] = sys.modules["lmdb"] = None
import headrace.compat.yogadl as yogadl
import tempfile
storage = yogadl.storage.LFSStorage(yogadl.storage.LFSConfigurations(tempfile.mkdtemp()))
storage.submit(range(10), "range", "1.0")
stream = storage.fetch("range", "1.0").stream(start_offset=5, shuffle=True, shuffle_seed=777)
assert stream.output_types is None
print(list(stream), [name for name in {HEAVY.split(", ")} if sys.modules.get(name)])
try:
    yogadl.tensorflow.make_tf_dataset(stream)
except ImportError as error:
    print(error)
"""


def test_nothing_but_headrace_is_needed_until_tensorflow_is_asked_for() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        "[5, 1, 9, 6, 7] []",
        "tensorflow is needed for this and is not installed. "
        "Install it with: pip install 'headrace[tf]'",
    ]


def test_every_name_of_yogadl_is_there() -> None:
    names = {
        yogadl: (
            "DataRef Storage Stream Submittable GeneratorFromKeys non_sequential_shard "
            "sequential_shard shard_keys shuffle_keys LmdbAccess serialize_generator_to_lmdb"
        ),
        yogadl.storage: (
            "BaseCloudConfigurations BaseCloudStorage GCSConfigurations GCSStorage "
            "LFSConfigurations LFSStorage S3Configurations S3Storage"
        ),
        yogadl.dataref: "LMDBDataRef",
        yogadl.tensorflow: (
            "make_tf_dataset read_tf_dataset read_tf_dataset_eager_mode "
            "read_tf_dataset_graph_mode serialize_tf_dataset_to_lmdb"
        ),
        yogadl.rw_coordinator: "RwCoordinatorClient RwCoordinatorServer",
        yogadl.constants: "AWS_STORAGE GCS_STORAGE",
    }

    assert not [
        name for module, line in names.items() for name in line.split() if not hasattr(module, name)
    ]
    assert list(yogadl.__all__) == sorted(set(yogadl.__all__))

"""MDS folders that the library itself wrote, in a process that sees a NumPy of its own.

It does not install beside the newest NumPy, and would bring clients of four clouds.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, MissingExtra, PickleRefused

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("mds_program.py")
# The library, the NumPy that it wants, and what its writer and readers import; torch is here.
PACKAGES = (
    "mosaicml-streaming>=0.8",
    "numpy<2.2",
    *("brotli", "catalogue", "cramjam", "pillow", "python-snappy", "tqdm", "zstd"),
)
# Environment variables that would let one environment look into another.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"}
}


def run(*command: object, **extra: str) -> str:
    """The output of a command that succeeds."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=ENVIRONMENT | extra,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
    )
    assert result.returncode == 0, result.stdout[-8000:]
    return result.stdout


@pytest.fixture(scope="module")
def packages() -> Path:
    """A folder with the library and what it imports; kept between runs under build/."""
    pytest.importorskip("torch")
    folder = ROOT / "build" / f"mosaic-{sys.version_info.major}.{sys.version_info.minor}"
    stamp, wanted = folder / ".made", "\n".join(PACKAGES)
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
        run(*uv, "--no-deps", "--target", folder, *PACKAGES)
        stamp.write_text(wanted, "utf-8")
    return folder


@pytest.mark.slow
def test_records_come_back_as_the_library_wrote_them(packages: Path, tmp_path: Path) -> None:
    told = run(sys.executable, PROGRAM, tmp_path, PYTHONPATH=str(packages))

    assert told.splitlines()[-1] == "all as written"


def index_of(**changes: Any) -> str:  # Any: JSON
    shard = {
        "column_encodings": ["int", "pkl"],
        "column_names": ["id", "what"],
        "format": "mds",
        "raw_data": {"basename": "shard.00000.mds", "bytes": 10, "hashes": {}},
        "samples": 3,
    }
    return json.dumps({"version": 2, "shards": [shard | changes]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"it has no index\.json"),
        ("{", r"its index\.json is none of MDS \(JSONDecodeError"),
        ("{}", r"its index\.json is none of MDS \(KeyError: 'shards'"),
        ("[]", r"its index\.json is none of MDS \(TypeError"),
        (index_of(format="json"), r"its shards have another format"),
        (index_of(column_encodings=["int", "str"]), r"shard 'shard\.00000\.mds' of .* not there"),
    ],
    ids=["none", "cut", "other", "list", "format", "no shard"],
)
def test_folders_without_mds_are_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "index.json").write_text(text)

    with pytest.raises(ArgumentError, match=message):
        hr.from_mds(tmp_path)
    with pytest.raises(ArgumentError, match="nothing is there"):
        hr.from_mds(tmp_path / "train")
    with pytest.raises(ArgumentError, match="a folder was expected, got the file .*Pass the"):
        hr.from_mds(__file__)


def test_pickled_columns_are_refused_unless_they_are_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index.json").write_text(index_of())
    (tmp_path / "shard.00000.mds").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "streaming", None)

    with pytest.raises(PickleRefused, match=r"columns \['what'\] of .*allow_pickle=True"):
        hr.from_mds(tmp_path)
    with pytest.raises(MissingExtra, match=r"pip install 'headrace\[mds\]'"):
        hr.from_mds(tmp_path, allow_pickle=True)

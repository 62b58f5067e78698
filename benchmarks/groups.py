"""Which peers share a process, what they need, and how their environments are made."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.case import WORKS

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".bench"
# What is installed for each group, one file a group.
PEERS = Path(__file__).resolve().parent / "peers"
# The line of such a file that stands for headrace itself.
EDITABLE = "-e ."
STAMP = "installed.txt"
OVERRIDES = "overrides.txt"
REMOTE = ("remote W2", "remote W2 again", "remote sparse")
# How much of an installer's complaint is shown in the table.
REASON_LENGTH = 300


@dataclass(frozen=True)
class Group:
    """Peers that run in one process: their modules in `cases/`; `peers/` has what they need."""

    name: str
    modules: tuple[str, ...]
    # Whose versions are reported.
    packages: tuple[str, ...]
    # What they take part in: without any of these an environment is neither made nor started.
    works: tuple[str, ...] = WORKS
    # What packages ask for and the works do without.
    left_out: tuple[str, ...] = ()

    @property
    def file(self) -> Path:
        """Where what is installed for it is listed."""
        return PEERS / f"{self.name}.txt"

    @property
    def requirements(self) -> list[str]:
        """What is installed for it."""
        lines = self.file.read_text().splitlines()
        return [line for line in lines if not line.startswith("#")]

    @property
    def overrides(self) -> list[str]:
        """Requirements in place of those that packages make themselves."""
        return [f"{name} ; python_version < '3'" for name in self.left_out]


@dataclass(frozen=True)
class Absent:
    """A row of a peer that nobody can install, and what is known of it."""

    work: str
    name: str
    reason: str


GROUPS = (
    # The limit and the generators run beside headrace, in its process, so that they compare.
    Group(
        "ours",
        (
            "ours",
            "limits",
            "generators",
            "lmdb_pickle",
            "arrow_ipc",
            "ours_writes",
            "ours_costs",
            "ours_async",
            "ours_pool",
            "ours_mix",
            "ours_monitor",
            "ours_compression",
            "ours_workers",
            "ours_decode",
            "ours_backends",
            "ours_kills",
            "downloads",
            "ours_remote",
            "ours_remote_costs",
            "compat_dataset_server",
            "compat_squirrel",
            "compat_torchdata",
        ),
        ("headrace", "numpy", "pyarrow", "lmdb", "obstore", "zstandard"),
    ),
    # A source and what is stored of it are compared in one process, so all are in one.
    Group(
        "frameworks",
        ("ours_in", "ours_out", "compat_yogadl"),
        ("headrace", "numpy", "torch", "tensorflow-cpu", "datasets"),
        ("W1", "W3", "in", "tf", "compat yogadl"),
    ),
    Group(
        "torch",
        ("torch_memmap", "torch_decode", "torch_starts"),
        ("torch", "numpy", "simplejpeg"),
        ("W1", "W2", "W3", "W4", "workers W1", "workers W3", "W2d", "W2d CPU", "first batch"),
    ),
    Group(
        "hf",
        ("hf",),
        ("datasets", "pyarrow", "numpy"),
        ("W1", "W2", "W3", "W4", "write W1", "write W4"),
    ),
    Group(
        "squirrel",
        ("squirrel", "squirrel_compat"),
        ("squirrel-core", "numpy"),
        ("W5", "async", "async no-op", "compat squirrel"),
    ),
    Group(
        "nodes",
        ("nodes", "stateful"),
        ("torchdata", "torch"),
        ("W5", "async", "async no-op", "workers W1", "workers W3"),
    ),
    Group(
        "datapipes",
        ("datapipes", "datapipes_workers", "datapipes_dataloader2"),
        ("torchdata", "torch"),
        ("W5", "workers W1", "workers W3", "compat torchdata"),
    ),
    Group(
        "yogadl",
        ("yogadl",),
        ("yogadl", "lmdb", "tensorflow-cpu", "numpy"),
        ("compat yogadl",),
    ),
    # Both ways to pack run in one process, so that they compare.
    Group(
        "grain",
        ("grain_range", "grain_workers", "packs"),
        ("headrace", "grain", "numpy"),
        (
            *("W5", "pack lognormal", "pack text", "pack padding"),
            *("workers W1", "workers W3", "W2d", "W2d CPU"),
        ),
    ),
    Group(
        "tfdata",
        ("tfdata", "tfdata_decode"),
        ("tensorflow-cpu",),
        ("W5", "W2d", "W2d CPU"),
    ),
    # It asks for torchvision, which nothing here uses and which must match torch.
    Group(
        "litdata",
        ("litdata_workers", "litdata_remote"),
        ("litdata", "torch", "obstore"),
        ("workers W1", "workers W3", "W2d", "W2d CPU", *REMOTE),
        left_out=("torchvision",),
    ),
    # What it asks for beside these is for other stores, plots and ready datasets.
    Group(
        "mosaic",
        ("mosaic_remote",),
        ("mosaicml-streaming", "torch", "boto3"),
        REMOTE,
        left_out=(
            *("torchvision", "transformers", "matplotlib", "google-cloud-storage", "oci"),
            *("azure-identity", "azure-storage-blob", "azure-storage-file-datalake", "paramiko"),
        ),
    ),
    Group(
        "spdl",
        ("spdl_workers",),
        ("spdl", "numpy"),
        ("workers W1", "workers W3", "W2d", "W2d CPU"),
    ),
)
ABSENT = (
    Absent(
        "compat dataset_server",
        "dataset_server 0.1.0",
        "is on no package index. Elsewhere, on Python 3.11, one worker gave 8,700 records/s of "
        "10 numbers in batches of 8, and slept 5 s before the first.",
    ),
)


class NotInstalledError(Exception):
    """An environment could not be made; the message says why."""


def environment(group: Group) -> Path:
    """The interpreter of a group's own environment, made where it is missing or out of date.

    Raises:
        NotInstalledError: the installer failed.
    """
    folder = HOME / "environments" / group.name
    python = folder / "bin" / "python"
    stamp = _stamp(group)
    if python.exists() and _read(folder / STAMP) == stamp:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        raise NotInstalledError("uv was not found on the path. Install it with `pip install uv`.")
    _run([uv, "venv", "--python", sys.executable, str(folder)])
    overrides = folder / OVERRIDES
    overrides.write_text("\n".join(group.overrides))
    install = [uv, "pip", "install", "--python", str(python), "--override", str(overrides)]
    _run([*install, "--requirements", str(group.file)])
    (folder / STAMP).write_text(stamp)
    return python


def _stamp(group: Group) -> str:
    """What an environment depends on: the requirements, and headrace's own where it is one."""
    project = _read(ROOT / "pyproject.toml") if EDITABLE in group.requirements else ""
    text = "\n".join([sys.version, *group.requirements, *group.overrides, project])
    return hashlib.sha256(text.encode()).hexdigest()


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _run(command: list[str]) -> None:
    links = _find_links()
    extra = {"UV_FIND_LINKS": links} if links else {}
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **extra}, capture_output=True, text=True
    )
    if done.returncode != 0:
        complaint = " ".join((done.stderr or done.stdout).split())
        raise NotInstalledError(f"does not install: {complaint[-REASON_LENGTH:]}")


def _find_links() -> str:
    """The folder of wheels that pip is set up with, which uv does not read by itself."""
    for variable in ("UV_FIND_LINKS", "PIP_FIND_LINKS"):
        if os.environ.get(variable):
            return os.environ[variable]
    pip = shutil.which("pip")
    if pip is None:
        return ""
    asked = [pip, "config", "get", "global.find-links"]
    return subprocess.run(asked, capture_output=True, text=True).stdout.strip()

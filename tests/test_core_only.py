"""The package without any extra: what an import brings in, and the fast tests on two Pythons."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OPTIONAL = [
    "PIL",
    "dask",
    "datasets",
    "jax",
    "keras",
    "lmdb",
    "matplotlib",
    "numba",
    "pandas",
    "ray",
    "simplejpeg",
    "skimage",
    "sklearn",
    "soundfile",
    "tensorflow",
    "torch",
]
# What takes long to import and few programs need, of the core's own dependencies and of Python's.
DEFERRED = [
    *("asyncio", "cloudpickle", "ml_dtypes", "obstore", "pyarrow", "rich"),
    *("tarfile", "typer", "zipfile"),
]
# All of it: `import headrace` alone leaves each module to be imported when it is used.
IMPORT = "from headrace import *"
# What the tests themselves need beside the core.
TEST_TOOLS = ["hypothesis", "psutil", "pytest", "pytest-timeout"]
CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
NEWER = [f"3.{minor}" for minor in range(sys.version_info.minor + 1, 15)]
# Environment variables that would let one environment look into another.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"}
}


def run(*command: object, timeout_s: float = 120, **extra: str) -> str:
    """The output of a command that succeeds."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=ENVIRONMENT | extra,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
    )
    assert result.returncode == 0, result.stdout[-8000:]
    return result.stdout


def interpreter(version: str) -> Path | None:
    """A working Python of that version: on the path, or one that pyenv or uv keeps."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    uv = Path.home() / ".local" / "share" / "uv" / "python"
    found = [Path(path) for path in [shutil.which(name)] if path]
    found += sorted(pyenv.glob(f"{version}.*/bin/{name}"), reverse=True)
    found += sorted(uv.glob(f"cpython-{version}.*/bin/{name}"), reverse=True)
    return next((path for path in found if works(path)), None)


def works(path: Path) -> bool:
    """Whether an interpreter starts: a shim of pyenv may stand for nothing."""
    program = "import ctypes, ssl, venv"
    return subprocess.run([path, "-c", program], capture_output=True).returncode == 0


def core_environment(version: str, python: Path) -> Path:
    """The Python of an environment with the core only; kept between runs under build/."""
    folder = ROOT / "build" / f"core-only-{version}"
    inside = folder / "bin" / "python"
    stamp = folder / ".made"
    wanted = (ROOT / "pyproject.toml").read_text("utf-8")
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        run(sys.executable, "-m", "uv", "venv", "--quiet", "--clear", "--python", python, folder)
        install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", inside]
        run(*install, "--editable", ".", *TEST_TOOLS, timeout_s=300)
        stamp.write_text(wanted, "utf-8")
    return inside


def test_importing_headrace_imports_no_optional_package() -> None:
    program = f"{IMPORT}\nimport sys\nprint([n for n in {OPTIONAL} if n in sys.modules])"

    assert run(sys.executable, "-c", program).strip() == "[]"


def test_importing_headrace_imports_no_dependency_that_can_wait() -> None:
    program = f"{IMPORT}\nimport sys\nprint([n for n in {DEFERRED} if n in sys.modules])"

    assert run(sys.executable, "-c", program).strip() == "[]"


def test_importing_headrace_starts_nothing() -> None:
    program = (
        f"{IMPORT}\nimport threading, logging, multiprocessing\n"
        "print(threading.active_count(), logging.root.handlers,\n"
        "      logging.getLogger('headrace').handlers, multiprocessing.active_children())"
    )

    assert run(sys.executable, "-c", program).strip() == "1 [] [] []"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("which", ["current", "newest"])
def test_the_fast_tests_pass_with_the_core_only(which: str) -> None:
    found = {version: python for version in NEWER if (python := interpreter(version))}
    if which == "newest" and not found:
        pytest.skip("this machine has no newer Python")
    version, python = found.popitem() if which == "newest" else (CURRENT, Path(sys.executable))
    inside = core_environment(version, python)

    told = run(inside, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    assert told.strip() == version
    run(
        *(inside, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow"),
        timeout_s=800,
        HEADRACE_TEST_CORE_ONLY="1",
    )

"""Every block of README and docs runs, and shows what it says it shows.

A page is one story: its ```python blocks run in one namespace, in a folder of their own. A
```text title="output" block shows what the Python block before it prints. A Python block that
needs an optional package says so: ```python title="needs torch".
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import headrace
from headrace.engine import Chain

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
MODULES = ["headrace", *(m.name for m in pkgutil.walk_packages(headrace.__path__, "headrace."))]
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)(?P<marks>[^\n]*)\n(?P<body>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
FRAMEWORKS = {"jax", "keras", "lightning", "tensorflow", "torch"}
# What a page may put for the part of an output that changes from run to run.
ELLIPSIS = "..."
# What a page with workers of torch's own has, which are forked.
FORKS = '"num_workers": 2'


@dataclass(frozen=True)
class CodeBlock:
    """A fenced block of a page: its language, what follows it on the line, its text."""

    language: str
    marks: str
    body: str
    line: int


def blocks(page: Path) -> Iterator[CodeBlock]:
    text = page.read_text("utf-8")
    for match in FENCE.finditer(text):
        body = "".join(
            line.removeprefix(match["indent"]) for line in match["body"].splitlines(keepends=True)
        )
        line = text.count("\n", 0, match.start()) + 1
        yield CodeBlock(match["language"], match["marks"], body, line)


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def shows(printed: str, promised: str) -> bool:
    """Whether a page's output is what was printed, but for white space and `...`."""
    parts = [" ".join(part.split()) for part in promised.split(ELLIPSIS)]
    pattern = ".*".join(re.escape(part) for part in parts)
    return re.fullmatch(pattern, " ".join(printed.split()), re.DOTALL) is not None


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_each_python_block_runs_and_prints_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        if needs := re.search(r"needs (\w+)", block.marks):
            where = f"{page_id(page)}, line {block.line}"
            pytest.importorskip(needs[1], reason=f"{where} needs {needs[1]}")
    if FORKS not in page.read_text("utf-8"):
        run(page, tmp_path)
        return
    # The threads that other tests have left must not be forked.
    where = f"Path({str(page)!r}), Path({str(tmp_path)!r})"
    command = f"from tests.test_docs import Path, run; run({where})"
    ended = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def run(page: Path, folder: Path) -> None:
    """Runs the blocks of a page in a folder, and compares what they print."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    printed = ""
    with contextlib.chdir(folder):
        for block in blocks(page):
            if block.language == "python":
                with contextlib.redirect_stdout(io.StringIO()) as output:
                    # Compiled under the page's name and padded: tracebacks point into it.
                    code = compile("\n" * block.line + block.body, str(page), "exec")
                    exec(code, namespace)
                printed = output.getvalue()
            elif block.language == "text" and "output" in block.marks:
                where = f"{page_id(page)}, line {block.line}"
                assert shows(printed, block.body), (
                    f"{where} shows\n{block.body}\nbut got\n{printed}"
                )

    for name, value in namespace.items():
        chain = getattr(value, "node", None)
        warned = headrace.Stream(chain).lint() if isinstance(chain, Chain) else []
        # A page that shows a mistake shows what is said of it.
        unsaid = [lint for lint in warned if lint.message not in page.read_text("utf-8")]
        assert not unsaid, f"{page_id(page)}: {name} is warned of {unsaid}"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_each_make_target_that_a_page_names_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    shell = "\n".join(block.body for block in blocks(page) if block.language == "bash")
    named = set(re.findall(r"^\s*make ([a-z-]+)", shell, re.MULTILINE))

    assert named <= targets


@pytest.mark.parametrize("name", MODULES)
def test_each_docstring_example_shows_what_it_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # What a module of adapters or tensors needs is named after it.
    _, room, package, *_ = [*name.split("."), "", ""]
    if room in ("adapters", "tensors") and package in FRAMEWORKS:
        pytest.importorskip(package)
    module = importlib.import_module(name)

    failed, _ = doctest.testmod(
        module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, raise_on_error=False
    )

    assert failed == 0


@pytest.mark.parametrize(
    ("printed", "promised", "same"),
    [
        ("a  b\n", "a b", True),
        ("took 0.31 s\n", "took ... s", True),
        ("a b\n", "a c", False),
        ("a b c\n", "a b", False),
    ],
)
def test_outputs_are_compared_but_for_white_space(printed: str, promised: str, same: bool) -> None:
    assert shows(printed, promised) is same

"""The four doors of the package: what they promise is there, described and documented."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

from headrace.stages import OPERATORS

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
DOORS = ["headrace", "headrace.contracts", "headrace.testing"]


def public(door: str) -> list[tuple[str, object]]:
    module = importlib.import_module(door)
    return [(name, getattr(module, name)) for name in module.__all__]


NAMES = [
    pytest.param(door, name, value, id=f"{door}.{name}")
    for door in DOORS
    for name, value in public(door)
]


@pytest.mark.parametrize("door", DOORS)
def test_all_is_sorted_without_repeats(door: str) -> None:
    names = importlib.import_module(door).__all__

    assert list(names) == sorted(set(names))


@pytest.mark.parametrize("door", DOORS)
def test_all_is_exactly_what_is_importable(door: str) -> None:
    module = importlib.import_module(door)
    importable = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and name != "annotations" and not isinstance(value, ModuleType)
    }
    listed = {name for name, value in public(door) if not isinstance(value, ModuleType)}

    assert listed - {"__version__"} == importable


@pytest.mark.parametrize(("door", "name", "value"), NAMES)
def test_a_public_name_is_described_in_a_short_first_line(
    door: str, name: str, value: object
) -> None:
    if not (inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value)):
        return  # A plain value or a type alias has no docstring; a comment stands beside it.
    first = (inspect.getdoc(value) or "").split("\n")[0]

    assert first.endswith("."), f"{door}.{name}: {first!r}"
    assert len(first) < 80


@pytest.mark.parametrize(("door", "name", "value"), NAMES)
def test_a_public_name_stands_in_the_reference(door: str, name: str, value: object) -> None:
    pages = "\n".join(page.read_text("utf-8") for page in sorted(REFERENCE.rglob("*.md")))
    found = re.search(rf"\b{re.escape(name)}\b", pages)

    assert found or name == "__version__", f"{door}.{name} is in no reference page"


@pytest.mark.parametrize("name", OPERATORS)
def test_each_stage_has_a_page_and_a_row_in_the_table_of_stages(name: str) -> None:
    page = (REFERENCE / "stages" / f"{name}.md").read_text("utf-8")
    table = (REFERENCE / "stages" / "index.md").read_text("utf-8")
    nav = (REFERENCE.parents[1] / "mkdocs.yml").read_text("utf-8")

    assert f"::: headrace.stages.{OPERATORS[name].__name__}\n" in page
    assert f"| [`{name}`]({name}.md) |" in table
    assert f"- {name}: reference/stages/{name}.md\n" in nav

"""Catalogs: sources by name and version, as YAML that Squirrel reads too, and their drivers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from tests.compat.squirrel.written import CATALOG

from headrace.compat.squirrel.catalog import Catalog, CatalogKey, CatalogSource, Source
from headrace.compat.squirrel.driver import CsvDriver, Driver
from headrace.compat.squirrel.framework.plugins import plugin_manager
from headrace.compat.squirrel.framework.plugins.plugin_manager import (
    list_driver_names,
    register_driver,
    register_source,
)
from headrace.contracts.errors import ArgumentError, NotFound

ONE, TWO, THREE = (Source("csv", {"url": f"{n}.csv"}, {"n": n}) for n in (1, 2, 3))


@pytest.fixture
def catalog() -> Catalog:
    catalog = Catalog()
    catalog["a"] = ONE
    catalog["a"] = TWO
    catalog["b", 5] = THREE
    return catalog


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(plugin_manager, "_REGISTRY", plugin_manager.Registry())


def url(source: CatalogSource) -> str:
    return str(source.driver_kwargs["url"])


def test_a_name_gives_the_latest_version(catalog: Catalog) -> None:
    assert (url(catalog["a"]), catalog["a"].version) == ("2.csv", 2)
    assert (url(catalog["a", 1]), url(catalog["a"][1])) == ("1.csv", "1.csv")
    assert (url(catalog[CatalogKey("a")]), url(catalog["a", -1])) == ("2.csv", "2.csv")
    assert catalog["b"].version == 5
    assert list(catalog["a"].versions) == [1, 2]
    assert [one.version for one in catalog["a"]] == [1, 2]
    assert len(catalog["a"]) == 2
    assert isinstance(catalog["a"], Source)


def test_versions_are_set_and_deleted_by_number(catalog: Catalog) -> None:
    catalog["a"][7] = THREE
    catalog["new"][3] = ONE
    catalog["copy"] = catalog["a"]
    del catalog["a", 1]
    del catalog["b"][5]

    assert [(name, one.version) for name, one in catalog] == [("a", 7), ("new", 3), ("copy", 1)]
    assert [key in catalog for key in (("a", 7), ("a", -1), "a")] == [True] * 3
    assert [key in catalog for key in (("a", 1), "b", 3)] == [False] * 3
    assert [version in catalog["a"] for version in (7, -1, 1)] == [True, True, False]
    del catalog["a"]
    assert len(catalog) == 2


@pytest.mark.parametrize("version", [0, -1, True])
def test_versions_begin_with_1(version: int, catalog: Catalog) -> None:
    with pytest.raises(ArgumentError, match=f"at least 1, got {version} for 'a'"):
        catalog["a", version] = ONE


def test_catalogs_are_put_together_and_apart(catalog: Catalog) -> None:
    other = Catalog()
    other["a", 2] = TWO
    other["c"] = THREE

    def keys(of: Catalog) -> list[tuple[str, int]]:
        return [(name, number) for name in of.sources for number in of[name].versions]

    assert keys(catalog.union(other)) == [("a", 1), ("a", 2), ("b", 5), ("c", 1)]
    assert keys(catalog.intersection(other)) == [("a", 2)]
    assert keys(catalog.difference(other)) == [("a", 1), ("b", 5), ("c", 1)]
    assert keys(catalog.slice(["a"])) == [("a", 1), ("a", 2)]
    assert keys(catalog.filter(lambda one: one.metadata["n"] > 1)) == [("a", 2), ("b", 5)]
    assert keys(catalog.slice(["b"]).join(other)) == [("b", 5), ("a", 2), ("c", 1)]
    with pytest.raises(ArgumentError, match=r"both have \('a', 2\)\. Take union\(\)"):
        catalog.join(other)

    other["a", 2] = ONE
    with pytest.raises(ArgumentError, match=r"\('a', 2\) differs in them"):
        catalog.intersection(other)


def test_a_copy_shares_nothing(catalog: Catalog) -> None:
    copy = catalog.copy()
    assert copy == catalog

    copy["a"].metadata["n"] = 9
    assert copy != catalog
    assert catalog["a"].metadata == {"n": 2}


def test_sources_are_shown_as_json(catalog: Catalog) -> None:
    assert repr(catalog) == "['a', 'b']"
    assert '"driver_name": "csv"' in repr(ONE)
    assert '"identifier": "a"' in repr(catalog["a"])


# -- the rows of the reference ----------------------------------------------------------------


def test_s_b26_a_name_that_is_missing_is_told_when_it_is_used(catalog: Catalog) -> None:
    message = "the catalog has no source 'aa'. Did you mean one of 'a', 'b'?"
    uses: list[Callable[[], object]] = [
        lambda: catalog["aa"].get_driver(),
        lambda: catalog["aa"].driver_kwargs,
        lambda: catalog["aa"][1],
        lambda: list(catalog["aa"]),
        lambda: len(catalog["aa"]),
        lambda: catalog["aa", 1],
        lambda: catalog.slice(["aa"]),
    ]
    for use in uses:
        with pytest.raises(KeyError) as told:
            use()
        assert str(told.value) == message
    with pytest.raises(KeyError):
        del catalog["aa"]
    assert repr(catalog["aa"]) == message
    assert catalog.get("aa") is None
    assert 1 not in catalog["aa"]
    with pytest.raises(NotFound, match=r"'a' has no version 9\. It has 1, 2; -1 is the latest"):
        catalog["a", 9]


def test_s_b26_sources_of_other_drivers_differ(catalog: Catalog) -> None:
    other = catalog.copy()
    other["b", 5] = Source("parquet", THREE.driver_kwargs, THREE.metadata)

    assert other != catalog
    assert other["b"] != catalog["b"]
    assert other["a"] == catalog["a"] != catalog["a", 1]


def test_s_b26_it_is_a_mapping_by_its_methods(catalog: Catalog) -> None:
    assert list(catalog.keys()) == ["a", "b"]
    assert list(map(url, catalog.values())) == ["2.csv", "3.csv"]
    assert dict(catalog.items()) == catalog.sources == {**catalog.sources}
    assert catalog.get("a") == catalog["a"]


class Noting(Driver):
    """A driver that keeps what it was made with."""

    name = "noting"

    def __init__(self, catalog: Catalog | None = None, **kwargs: Any) -> None:
        super().__init__(catalog)
        self.given = kwargs


@pytest.mark.usefixtures("registry")
def test_s_b27_storage_options_are_merged_and_not_forced() -> None:
    register_driver(Noting)
    catalog = Catalog()
    catalog["bare"] = Source("noting", {"x": 1, "y": 1})
    catalog["far"] = Source("noting", {"storage_options": {"region": "eu", "token": "a"}})

    bare, far = catalog["bare"], catalog["far"]
    assert bare.get_driver(y=2).given == {"x": 1, "y": 2}
    assert bare.get_driver()._catalog is catalog
    assert far.get_driver(storage_options={"token": "b"}).given == {
        "storage_options": {"region": "eu", "token": "b"}
    }


# -- drivers by name ---------------------------------------------------------------------------


@pytest.mark.usefixtures("registry")
def test_drivers_and_sources_are_registered() -> None:
    assert "noting" not in list_driver_names()
    register_driver(Noting)
    register_source("people", ONE)
    register_source("people", TWO, version=4)

    assert "noting" in list_driver_names()
    assert list(Catalog.from_plugins()["people"].versions) == [1, 4]

    class Csv(CsvDriver):
        name = "csv"

    assert isinstance(Catalog.from_plugins()["people"].get_driver(), CsvDriver)
    register_driver(Csv)
    assert type(Catalog.from_plugins()["people"].get_driver()) is Csv


@pytest.mark.usefixtures("registry")
def test_a_driver_that_is_missing_tells_the_near_ones() -> None:
    catalog = Catalog()
    catalog["a"] = Source("cvs")
    with pytest.raises(ValueError, match="driver 'cvs' not found. Did you mean one of 'csv'"):
        catalog["a"].get_driver()
    with pytest.raises(ArgumentError, match="a driver with a name was expected"):
        register_driver(int)


@pytest.mark.parametrize("name", list_driver_names())
def test_each_driver_is_found_by_its_name(name: str) -> None:
    assert plugin_manager.driver_named(name).name == name


# -- YAML --------------------------------------------------------------------------------------


def test_a_catalog_comes_back_from_files(catalog: Catalog, tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    tricky = {"on": "on", "time": "12:30", "e": "1e3", "zeros": "010", "none": None, "f": 1e20}
    other = Catalog()
    other["c"] = Source("source_combiner", {"subsets": {"x": CatalogKey("a", 1)}}, tricky)
    catalog.to_file(str(tmp_path / "one.yaml"))
    other.to_file(str(tmp_path / "two.yaml"))
    (tmp_path / "note.txt").write_text("none of them")

    assert Catalog.from_dirs([str(tmp_path)]) == catalog.join(other)
    assert Catalog.from_files([str(tmp_path / "two.yaml")]) == other
    with pytest.raises(ArgumentError, match=r"were to be joined, and both have \('c', 1\)"):
        Catalog.from_files([str(tmp_path / "two.yaml")] * 2)


def test_s_b26_files_are_copied_once_however_many_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("yaml")
    paths = [str(tmp_path / f"{number}.yaml") for number in range(5)]
    for number, path in enumerate(paths):
        one = Catalog()
        one[f"source-{number}"] = Source("csv", {"url": f"{number}.csv"})
        one.to_file(path)
    copied: list[Source] = []

    def copying(source: Source) -> Source:
        copied.append(source)
        return deepcopy(source)

    monkeypatch.setattr("headrace.compat.squirrel.catalog.catalog.deepcopy", copying)
    assert len(Catalog.from_files(paths)) == len(copied) == len(paths)


def test_a_catalog_that_squirrel_wrote_is_read() -> None:
    pytest.importorskip("yaml")
    found = Catalog.from_str(CATALOG)

    assert {name: list(found[name].versions) for name in found.sources} == {
        "a": [1, 2],
        "both": [1],
    }
    assert found["a"].driver_kwargs == {"url": "on", "storage_options": {"n": 10, "x": 1000.0}}
    assert found["a"].metadata == {"time": "12:30", "zeros": "010", "is": True, "none": None}
    assert found["both"].driver_kwargs == {"subsets": {"x": CatalogKey("a", 1)}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sources: [", "while parsing"),
        ("[1, 2]", "has no attribute"),
        ("!YamlCatalog {version: 0.3.9}", "its version is '0.3.9'"),
        ("!YamlCatalog {version: 0.20.2, sources: [!YamlSource {identifier: a}]}", "driver_name"),
        ("!!python/object/apply:os.system ['exit 1']", "could not determine a constructor"),
    ],
)
def test_a_text_that_is_no_catalog_is_told(text: str, reason: str) -> None:
    pytest.importorskip("yaml")
    with pytest.raises(ArgumentError, match=f"(?s)this is none: .*{reason}.*Catalog.to_file"):
        Catalog.from_str(text)


def test_what_yaml_cannot_hold_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    catalog = Catalog()
    catalog["a"] = Source("csv", {"url": object()})
    with pytest.raises(ArgumentError, match="a source has <object object .* among its arguments"):
        catalog.to_file(str(tmp_path / "a.yaml"))
    assert list(tmp_path.iterdir()) == []


IMPORTS = """
import importlib.metadata, pkgutil, sys

def unknown(name):
    raise importlib.metadata.PackageNotFoundError(name)

importlib.metadata.version = unknown
import headrace.compat.squirrel as squirrel
for module in pkgutil.walk_packages(squirrel.__path__, "headrace.compat.squirrel."):
    importlib.import_module(module.name)
print(sorted({"pandas", "yaml", "dask", "fsspec", "msgpack", "zarr", "torch"} & set(sys.modules)))
"""


@pytest.mark.slow
def test_s_b29_it_is_imported_without_metadata_and_imports_nothing_optional() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=False
    )
    assert (ended.stdout.strip(), ended.stderr) == ("[]", "")

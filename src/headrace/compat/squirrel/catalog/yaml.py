"""Catalogs as YAML in Squirrel's layout, by PyYAML and without running anything of the text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from headrace.compat.squirrel.catalog.source import CatalogKey, Source
from headrace.contracts.errors import ArgumentError
from headrace.extras import imported

# Any, in this file: PyYAML is not imported by the core; arguments and metadata are the user's.

CATALOG, SOURCE, KEY = "!YamlCatalog", "!YamlSource", "!CatalogKey"
# The release of Squirrel whose layout is written, and the first whose files can be read.
WRITTEN_AS, FIRST_READ = "0.20.2", (0, 4)
# What Squirrel's library takes for a value, by YAML 1.2; PyYAML would by YAML 1.1, where `on` is
# true and 12:30 a number.
BOOL = r"true|True|TRUE|false|False|FALSE"
INT = r"[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]*[0-9][0-9_]*|[-+]?0x[0-9a-fA-F_]+"
FLOAT = (
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
TAG = "tag:yaml.org,2002:"
VALUES = {f"{TAG}bool": BOOL, f"{TAG}float": FLOAT, f"{TAG}int": INT}


class _Tagged(NamedTuple):
    """A mapping under a tag."""

    tag: str
    parts: dict[str, Any]


def dumped(sources: Mapping[CatalogKey, Source]) -> str:
    """The sources as text.

    Raises:
        MissingExtra: PyYAML is not installed.
        ArgumentError: one has what YAML cannot hold.
    """
    yaml = imported("yaml", extra="squirrel")
    listed = [_Tagged(SOURCE, _parts(key, source)) for key, source in sources.items()]
    document = _Tagged(CATALOG, {"version": WRITTEN_AS, "sources": listed})
    try:
        text: str = yaml.dump(document, Dumper=_dumper(yaml), sort_keys=False, allow_unicode=True)
    except yaml.YAMLError as error:
        raise ArgumentError(
            f"a catalog was to be written as YAML, and a source has {error.args[-1]!r} among its "
            "arguments or metadata. Keep text, numbers, lists and dicts there."
        ) from error
    return text


def loaded(text: str) -> dict[CatalogKey, Source]:
    """The sources that a text holds.

    Raises:
        MissingExtra: PyYAML is not installed.
        ArgumentError: it is no catalog of Squirrel's.
    """
    yaml = imported("yaml", extra="squirrel")
    try:
        document = yaml.load(text, Loader=_loader(yaml))
        release = tuple(int(part) for part in document.parts["version"].split(".")[:2])
        if document.tag == CATALOG and release >= FIRST_READ:
            return dict(_source(one) for one in document.parts.get("sources") or [])
        raise ValueError(f"its version is {document.parts['version']!r}")
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ArgumentError(
            f"a catalog as Squirrel from 0.4 on writes it was expected, and this is none: {error}. "
            "Write it with Catalog.to_file."
        ) from error


def _parts(key: CatalogKey, source: Source) -> dict[str, Any]:
    return {
        "identifier": key.identifier,
        "driver_name": source.driver_name,
        "driver_kwargs": source.driver_kwargs,
        "version": key.version,
        "metadata": source.metadata,
    }


def _source(tagged: _Tagged) -> tuple[CatalogKey, Source]:
    parts = tagged.parts
    key = CatalogKey(parts["identifier"], parts.get("version", 1))
    kwargs, metadata = parts.get("driver_kwargs") or {}, parts.get("metadata") or {}
    return key, Source(parts["driver_name"], dict(kwargs), dict(metadata))


def _dumper(yaml: Any) -> Any:
    class Dumper(yaml.SafeDumper):  # type: ignore[misc]
        """Text that either YAML would take for a value is quoted."""

    _resolve(Dumper, dict(yaml.SafeDumper.yaml_implicit_resolvers))
    Dumper.add_representer(_Tagged, lambda to, one: to.represent_mapping(one.tag, one.parts))
    Dumper.add_representer(CatalogKey, lambda to, key: to.represent_sequence(KEY, list(key)))
    return Dumper


def _loader(yaml: Any) -> Any:
    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Built-in values, and the three tags of catalogs."""

    known = {
        first: [(tag, pattern) for tag, pattern in pairs if tag not in VALUES]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    _resolve(Loader, known)
    Loader.add_constructor(f"{TAG}int", lambda of, node: _whole(of.construct_scalar(node)))
    Loader.add_constructor(KEY, lambda of, node: CatalogKey(*of.construct_sequence(node)))
    for tag in (CATALOG, SOURCE):
        Loader.add_constructor(tag, _tagged)
    return Loader


def _tagged(loader: Any, node: Any) -> _Tagged:
    return _Tagged(node.tag, loader.construct_mapping(node, deep=True))


def _resolve(kind: Any, known: dict[str, Any]) -> None:
    kind.yaml_implicit_resolvers = {first: list(pairs) for first, pairs in known.items()}
    for tag, pattern in VALUES.items():
        kind.add_implicit_resolver(tag, re.compile(f"^(?:{pattern})$"), list("-+.0123456789tTfF"))


def _whole(text: str) -> int:
    digits = text.replace("_", "")
    try:
        return int(digits, 0)
    except ValueError:
        # With zeros in front, which Python does not take by itself.
        return int(digits)

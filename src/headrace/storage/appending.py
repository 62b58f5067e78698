"""A version that begins with the shards of another: which one, and whether it may."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headrace.contracts.errors import ArgumentError, PickleRefused
from headrace.formats.compression.fields import compression_like
from headrace.formats.manifest.manifest import Manifest
from headrace.formats.shards.trust import check_named
from headrace.storage.building import Build
from headrace.storage.catalog import Catalog, checked_name

MODES = ("append",)


@dataclass(frozen=True)
class Appending:
    """The version to append to, by its name or that of a tag; None of both for none.

    Where `compresses_alike`, fields that it has compressed are compressed in what is new.

    Raises:
        ArgumentError: one of the two alone, or an unknown mode.
    """

    parent: str | None = None
    mode: str | None = None
    compresses_alike: bool = False

    def __post_init__(self) -> None:
        parent, mode, known = self.parent, self.mode, "The mode there is: 'append'."
        if mode is not None and mode not in MODES:
            raise ArgumentError(f"a mode of submit was expected, got mode={mode!r}. {known}")
        if mode is None and parent is not None:
            raise ArgumentError(
                f"parent={parent!r} was given without a mode, which says what becomes of its "
                f'records. {known} Say mode="append" to put the new records behind them.'
            )
        if mode is not None and parent is None:
            raise ArgumentError(
                f"mode={mode!r} was given without a parent, which says what to append to. "
                'Name a version or tag, such as parent="1.0", or leave the mode out.'
            )

    def of(self, catalog: Catalog, build: Build) -> Build:
        """The build behind the records of the parent, which is looked for; or as it is.

        Raises:
            NotFound: no such version or tag.
            ArgumentError: it is the new version itself.
            PickleRefused: it holds pickles.
            IntegrityError: it names its shards by a digest that is not trusted.
            MissingExtra: it has compressed fields, and their package is not installed.
        """
        if self.parent is None:
            return build
        found = catalog.found(build.dataset, checked_name("version", self.parent))
        if found.version == build.version:
            raise ArgumentError(
                f"{build.title} cannot be appended to itself: versions do not change, got "
                f"parent={self.parent!r}. Give the longer one a version of its own."
            )
        _check_pickles(found, build)
        check_named(found, build.trust, url=catalog.blobs.url)
        if self.compresses_alike:
            build = replace(build, compression=compression_like(found.schema))
        return replace(build, parent=found)


def _check_pickles(parent: Manifest, build: Build) -> None:
    if parent.is_pickled and not build.allow_pickle:
        raise PickleRefused(
            f"{build.dataset} {parent.version} holds pickled values, and so would what is appended "
            "to it. If you trust who wrote it, use submit(..., allow_pickle=True)."
        )

"""Names that move from version to version, such as `latest-good`."""

from __future__ import annotations

import msgspec

from headrace.blobs import Lease, LockingBlobs
from headrace.contracts.errors import ArgumentError, NotFound, VersionExists, near
from headrace.storage.catalog import Catalog, Tag, tag_key


def set_tag(catalog: Catalog, dataset: str, version: str, tag: str) -> None:
    """Points a tag at a version, wherever it pointed before.

    Raises:
        NotFound: no such dataset or version.
        VersionExists: a version has that name.
    """
    blobs = catalog.blobs
    if tag == version:
        raise _taken(dataset, tag)
    # Nobody makes a version of the tag's name meanwhile, or deletes the one that it points at. In
    # one order, so that no two wait for each other.
    first, second = sorted((tag, version))
    with Lease(blobs, dataset, first) as other, Lease(blobs, dataset, second) as lease:
        if catalog.has(dataset, tag):
            raise _taken(dataset, tag)
        catalog.manifest(dataset, version)
        payload = msgspec.json.encode(Tag(version))
        other.check()
        lease.publish(tag_key(dataset, tag), payload, replace=True)


def remove_tag(catalog: Catalog, dataset: str, tag: str) -> None:
    """Takes a tag away. Raises NotFound."""
    with Lease(catalog.blobs, dataset, tag) as lease:
        if lease.blobs.stat(tag_key(dataset, tag)) is None:
            raise NotFound(
                f"there is no tag {tag!r} of {dataset} in {catalog.blobs.url}. "
                + near(tag, catalog.tags(dataset))
            )
        lease.delete(tag_key(dataset, tag))


def refuse_tag(blobs: LockingBlobs, dataset: str, version: str) -> None:
    """Makes sure that a new version has no tag's name. Raises VersionExists."""
    if blobs.stat(tag_key(dataset, version)) is not None:
        raise VersionExists(
            f"{dataset} has a tag {version!r} in {blobs.url}, which a version of that name would "
            "hide. Choose another version, or untag it first."
        )


def refuse_tagged(catalog: Catalog, dataset: str, version: str) -> None:
    """Makes sure that no tag points at a version. Raises ArgumentError."""
    tags = [tag for tag, pointed in catalog.tags(dataset).items() if pointed == version]
    if tags:
        raise ArgumentError(
            f"{dataset} {version} has the tags {', '.join(tags)}, which would then name nothing. "
            f"Move them to another version by storage.tag({dataset!r}, version, {tags[0]!r}), or "
            f"take them away by storage.untag({dataset!r}, {tags[0]!r})."
        )


def _taken(dataset: str, tag: str) -> VersionExists:
    return VersionExists(
        f"{dataset} has a version {tag!r}, and a tag of that name would never be read. "
        "Choose another name for the tag."
    )

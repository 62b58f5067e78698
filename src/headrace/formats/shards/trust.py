"""Versions whose content is compared with digests: of each shard, and of a manifest."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from headrace.contracts.blobs import Blobs, Mapped
from headrace.contracts.errors import ArgumentError, IntegrityError
from headrace.digests import SHA256_DIGITS, Trust, is_named
from headrace.formats.manifest.manifest import Manifest, encode
from headrace.formats.shards.shard_file import Damaged

# How a user notes a manifest.
PIN = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class VerifiedShards:
    """The shards of some blobs, each compared with its name whenever it is mapped.

    It gives them as a whole only: a part has no digest.

    **Cost**: reads all bytes of a shard, about 1 GB/s.
    """

    blobs: Blobs

    @property
    def url(self) -> str:
        """Where the blobs are."""
        return self.blobs.url

    def map(self, key: str) -> Mapped:
        """The bytes of a shard. Raises NotFound, and Damaged where they are not its content."""
        mapped = self.blobs.map(key)
        if not is_named(mapped, key.rpartition("/")[2].partition(".")[0]):
            raise Damaged("its SHA-256 is not its name")
        return mapped


def check_named(manifest: Manifest, trust: Trust, *, url: str) -> None:
    """Makes sure that a storage that trusts SHA-256 alone has the shards of a version by it.

    Raises:
        IntegrityError: some are named by xxh3, which anyone can forge.
    """
    if trust == "xxh3" or all(len(shard.digest) == SHA256_DIGITS for shard in manifest.shards):
        return
    name = f"{manifest.dataset!r}, {manifest.version!r}"
    raise IntegrityError(
        f"{manifest.dataset} {manifest.version} in {url} names its shards by xxh3, and this "
        "storage was opened with trust='sha256'. Where you trust the bytes that are there now, "
        "store them anew as another version or in another place: "
        f"trusted.submit(Storage(...).fetch({name}), {name})."
    )


def pin_of(manifest: Manifest) -> str:
    """What a user notes to get this manifest and no other: `sha256:` and 64 digits.

    Of a manifest as submit wrote it, it is the SHA-256 of the file.
    """
    return f"sha256:{hashlib.sha256(encode(manifest)).hexdigest()}"


def check_pin(manifest: Manifest, pin: object) -> None:
    """Makes sure that a manifest is the one that was noted; any is where nothing was.

    Raises:
        ArgumentError: the note is none.
        IntegrityError: it is of another manifest.
    """
    if pin is None:
        return
    if not isinstance(pin, str) or not PIN.fullmatch(pin):
        raise ArgumentError(
            f"a digest must be 'sha256:' and 64 hexadecimal digits, got {pin!r}. "
            "Note `ref.digest` of a version that you trust."
        )
    found = pin_of(manifest)
    if found != pin:
        raise IntegrityError(
            f"{manifest.dataset} {manifest.version} has the digest {found}, and {pin} was asked "
            "for. It was replaced or changed since that was noted: find out by whom, and note the "
            "new digest where you trust it."
        )

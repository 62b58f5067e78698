"""Storage: keeps named, versioned, immutable datasets."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec

import msgspec

from headrace.blobs import Lease, LockingBlobs, open_blobs
from headrace.contracts import Backend
from headrace.contracts.errors import ArgumentError, whole
from headrace.dataref import DataRef
from headrace.formats.stored import StoredRecords
from headrace.formats.writer import SHARD_BYTES
from headrace.sources import Intake
from headrace.storage import upkeep
from headrace.storage.arguments import described_call
from headrace.storage.building import Build, publish, refuse_existing, retire
from headrace.storage.catalog import (
    Catalog,
    checked_name,
    checked_names,
    manifest_key,
    shards_folder,
    values_folder,
)
from headrace.storage.crew import Crew
from headrace.storage.showing import shown_html, shown_text
from headrace.storage.spread import spread
from headrace.stores import BlobStore

# Any, in this file: records are the user's values, of every type.

P = ParamSpec("P")


class Storage:
    """Named, versioned, immutable datasets under one path or address.

    A version exists only when all of it is durable: a crash at any instant leaves what was
    there before. It is safe among processes, and pickles where `url` is a path.

    With `durable=False` files are not flushed to disk: faster, and a power cut may take what
    was written in the last seconds. In place of an address, `url` may be blobs of your own.

    Raises:
        ArgumentError: it is no address, or one that is empty or of an unknown kind.

    Example:
        >>> storage = Storage("memory://")
        >>> ref = storage.submit(range(3), "digits", "1.0")
        >>> len(storage.fetch("digits"))
        3
    """

    def __init__(self, url: str | os.PathLike[str] | LockingBlobs, *, durable: bool = True) -> None:
        self._blobs: LockingBlobs
        if isinstance(url, str | os.PathLike):
            self._blobs = open_blobs(url, durable=durable)
        elif isinstance(url, LockingBlobs):
            self._blobs = url
        else:
            raise ArgumentError(
                f"storage needs a path, an address or blobs that can be locked, got {url!r}. "
                "Give a path such as '/data/headrace', or 'memory://'."
            )
        self._catalog = Catalog(self._blobs)

    @property
    def url(self) -> str:
        """Where the datasets are."""
        return self._blobs.url

    def submit(  # noqa: PLR0913 - each says something else about one version
        self,
        source: Any,
        dataset: str,
        version: str,
        *,
        replace: bool = False,
        allow_pickle: bool = False,
        meta: Mapping[str, Any] | None = None,
        shard_bytes: int = SHARD_BYTES,
        limit: int | None = None,
        unbatch: bool = False,
        backend: Backend | None = None,
    ) -> DataRef[Any]:
        """Stores the records of any source as a new version.

        `source` is an iterable, a function that returns one, a list, a dict of equally long
        arrays, a DataRef or Stream, a table, a dataset or loader of another framework, or files
        as `pathlib.Path`. A second submit of the same version waits for the first. `replace`
        puts a new version over an old one, whose open readers go on. `limit` is how many records
        to store at most. A source that gives batches is stored as it comes, a batch a record,
        unless `unbatch` says that the records in them are meant. With a `backend`, sources with
        records by index, and Streams over them, are read, decoded and written on its workers; the
        version is the same to the byte.

        **Cost**: memory for about two shards (`shard_bytes`), whatever the number of records; and
        for two in each worker.

        Raises:
            InvalidName: a name that is no plain one.
            VersionExists: the version is there, and `replace` was not said.
            ArgumentError: an unknown kind of source, one that never ends and no `limit`, or no
                backend.
            StreamError: the source cannot be sent to workers in other processes.
            WorkerError: workers died again and again over the same records.
            MissingExtra: the package that reads the source is not installed.
            RecordError: a record that cannot be stored, or differs from those before it.
            StorageError: the disk is full, or refuses.

        Example:
            >>> storage = Storage("memory://")
            >>> storage.submit(({"id": n} for n in range(3)), "ids", "1.0")[2]
            {'id': 2}
        """
        checked_names(dataset, version)
        shard_bytes = whole("shard_bytes", shard_bytes, least=1, remedy="64 MiB suits most data.")
        build = Build(dataset, version, replace, allow_pickle, _plain(meta or {}), shard_bytes)
        crew = Crew(backend)
        intake = Intake(source, limit=limit, unbatch=unbatch, spread=spread(crew))
        refuse_existing(self._blobs, build)
        with Lease(self._blobs, dataset, version) as lease:
            # Whoever held the lease before may have published it.
            refuse_existing(self._blobs, build)
            publish(lease, build, intake, crew)
        return self._open(dataset, version, allow_pickle=allow_pickle)

    def fetch(
        self, dataset: str, version: str | None = None, *, allow_pickle: bool = False
    ) -> DataRef[Any]:
        """Opens a version, or the one that was committed last.

        Raises:
            NotFound: no such dataset or version; lists the near ones.
            PickleRefused: it holds pickled records, and `allow_pickle` was not said.

        Example:
            >>> storage = Storage("memory://")
            >>> _ = storage.submit([5, 6], "digits", "1.0")
            >>> storage.fetch("digits", "1.0")[1]
            6
        """
        checked_name("dataset", dataset)
        if version is None:
            version = self._catalog.newest(dataset)
        checked_name("version", version)
        return self._open(dataset, version, allow_pickle=allow_pickle)

    def cacheable(
        self, dataset: str, version: str, *, allow_pickle: bool = False
    ) -> Callable[[Callable[P, object]], Callable[P, DataRef[Any]]]:
        """Makes a function that returns a source give the stored version of it.

        Among all processes that call it, one calls the function, the others wait and read. One
        that raises or dies leaves nothing, and the next takes over. The arguments of that call
        are kept with the version: a call with others is an error.

        Raises:
            InvalidName: a name that is no plain one.

        Example:
            >>> storage = Storage("memory://")
            >>> @storage.cacheable("squares", "1.0")
            ... def squares(count: int) -> list[int]:
            ...     print("computing")
            ...     return [n * n for n in range(count)]
            >>> squares(4)[3]
            computing
            9
            >>> squares(4)[2]
            4
        """
        checked_names(dataset, version)

        def decorate(function: Callable[P, object]) -> Callable[P, DataRef[Any]]:
            @functools.wraps(function)
            def cached(*args: P.args, **kwargs: P.kwargs) -> DataRef[Any]:
                meta = {"arguments": described_call(function, args, kwargs)}
                build = Build(dataset, version, allow_pickle=allow_pickle, meta=meta)
                self._build_once(build, lambda: function(*args, **kwargs))
                return self._open(dataset, version, allow_pickle=allow_pickle)

            return cached

        return decorate

    def store(self, name: str) -> BlobStore:
        """A key-value store beside the datasets, made by its first `set`.

        Raises:
            InvalidName: a name that is no plain one.

        Example:
            >>> store = Storage("memory://").store("embeddings")
            >>> store.set({"id": 3, "tokens": ["a", "b"]}, "first")
            'first'
            >>> store.get("first")
            {'id': 3, 'tokens': ['a', 'b']}
        """
        folder = values_folder(checked_name("store", name))
        # Beside the values, where it is plain whose a half-written one is.
        return BlobStore(self._blobs.aside(f"{folder}/~"), folder)

    def datasets(self) -> list[str]:
        """The names of the datasets, the oldest first.

        Example:
            >>> Storage("memory://").datasets()
            []
        """
        return self._catalog.datasets()

    def versions(self, dataset: str) -> list[str]:
        """The versions of a dataset, the one committed first in front.

        Raises:
            NotFound: there is no such dataset.

        Example:
            >>> storage = Storage("memory://")
            >>> _ = storage.submit([1], "digits", "1.0")
            >>> storage.versions("digits")
            ['1.0']
        """
        self._catalog.newest(checked_name("dataset", dataset))
        return self._catalog.versions(dataset)

    def delete(self, dataset: str, version: str) -> None:
        """Takes a version away; `prune` frees its space once no reader can need it.

        Raises:
            NotFound: no such dataset or version; lists the near ones.

        Example:
            >>> storage = Storage("memory://")
            >>> _ = storage.submit([1], "digits", "1.0")
            >>> storage.delete("digits", "1.0")
            >>> storage.datasets()
            []
        """
        checked_names(dataset, version)
        self._catalog.manifest(dataset, version)
        with Lease(self._blobs, dataset, version) as lease:
            # It may have gone while this waited; saying so is the same error.
            self._catalog.manifest(dataset, version)
            retire(lease.blobs, dataset, version)
            lease.blobs.delete(manifest_key(dataset, version))

    def verify(self, dataset: str, version: str | None = None) -> upkeep.VerifyReport:
        """Reads a version, or all of a dataset, and compares each shard with its checksum.

        Raises:
            NotFound: no such dataset or version; lists the near ones.
            IntegrityError: lists every shard that is not as it was written.

        Example:
            >>> storage = Storage("memory://")
            >>> _ = storage.submit([1], "digits", "1.0")
            >>> storage.verify("digits").shard_count
            1
        """
        checked_name("dataset", dataset)
        if version is None:
            return upkeep.verify(self._catalog, dataset, self.versions(dataset))
        return upkeep.verify(self._catalog, dataset, [checked_name("version", version)])

    def prune(self, *, grace_s: float = upkeep.PRUNE_GRACE_S) -> upkeep.PruneReport:
        """Removes what no version needs: leftovers of dead builders, shards of no version.

        What was deleted or replaced less than `grace_s` ago stays for its open readers. A
        dataset of which a version is being built is left alone.

        Example:
            >>> storage = Storage("memory://")
            >>> _ = storage.submit([1], "digits", "1.0")
            >>> storage.delete("digits", "1.0")
            >>> len(storage.prune(grace_s=0).keys)
            2
        """
        if not grace_s >= 0:
            raise ArgumentError(
                f"grace_s must be at least 0 seconds, got {grace_s!r}. Readers that are open now "
                "need it to be longer than they live."
            )
        return upkeep.reclaim_all(self._catalog, grace_s=grace_s)

    def __repr__(self) -> str:
        return shown_text(self._catalog)

    def _repr_html_(self) -> str:
        return shown_html(self._catalog)

    def _build_once(self, build: Build, function: Callable[[], object]) -> None:
        if self._is_built(build):
            return
        with Lease(self._blobs, build.dataset, build.version) as lease:
            if not self._is_built(build):
                publish(lease, build, Intake(function), Crew(None))

    def _is_built(self, build: Build) -> bool:
        """Whether the version is there, built with the same arguments."""
        if not self._catalog.has(build.dataset, build.version):
            return False
        manifest = self._catalog.manifest(build.dataset, build.version)
        kept, asked = manifest.meta.get("arguments", {}), build.meta["arguments"]
        if kept != asked:
            raise ArgumentError(
                f"{build.title} was stored from a call with {_call(kept)}, got {_call(asked)}. "
                "Give other arguments a version of their own, or delete this one."
            )
        return True

    def _open(self, dataset: str, version: str, *, allow_pickle: bool) -> DataRef[Any]:
        manifest = self._catalog.manifest(dataset, version)
        folder = shards_folder(dataset)
        return DataRef(
            StoredRecords(self._blobs, manifest, folder=folder, allow_pickle=allow_pickle)
        )


def _plain(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(dict(meta)))
    except (TypeError, msgspec.MsgspecError) as error:
        raise ArgumentError(
            f"meta must be what JSON can hold, got {meta!r}: {error}. "
            "Use strings, numbers, lists and dicts."
        ) from error
    return plain


def _call(arguments: Mapping[str, str]) -> str:
    return f"({', '.join(f'{name}={value}' for name, value in arguments.items())})"

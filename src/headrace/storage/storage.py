"""Storage: keeps named, versioned, immutable datasets."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, ParamSpec

from headrace.blobs import LockingBlobs
from headrace.blobs.open import Locks
from headrace.contracts import Backend
from headrace.contracts.errors import ArgumentError
from headrace.dataref import DataRef
from headrace.digests import Trust, checked_trust
from headrace.formats.compression.fields import compression_of
from headrace.formats.shards.trust import check_pin
from headrace.formats.writing.target import SHARD_BYTES
from headrace.sources import Intake
from headrace.storage import upkeep
from headrace.storage.appending import Appending
from headrace.storage.arguments import plain_notes
from headrace.storage.building import Build, checked_shard_bytes, withdraw
from headrace.storage.caching import Caching
from headrace.storage.catalog import checked_name, checked_names, values_folder
from headrace.storage.copying import copied
from headrace.storage.crew import Crew
from headrace.storage.diff import VersionDiff, diff_of
from headrace.storage.log import VersionLog, VersionReport, entry_of, log_of
from headrace.storage.making import made_by
from headrace.storage.shelf import blobs_at, shelf_at
from headrace.storage.showing import shown_html, shown_text
from headrace.storage.spread import spread
from headrace.storage.tags import remove_tag, set_tag
from headrace.stores import BlobStore

# Any, in this file: records are the user's values, of every type.

P = ParamSpec("P")


class Storage:
    """Named, versioned, immutable datasets under one path or address.

    A version exists only when all of it is durable: a crash at any instant leaves what was
    there before. It is safe among processes, and pickles unless it is in memory.

    Addresses begin with `s3://`, `gs://`, `az://`, `https://` (to read), `file://` or
    `memory://`. `storage_options` say what obstore takes for that store: credentials, where the
    environment has none, an `endpoint`, `region`, `timeout`, `max_retries`.

    With `durable=False` files are not flushed to disk: faster, and a power cut may take what
    was written in the last seconds. In place of an address, `url` may be blobs of your own.
    Builders in one folder keep apart by locks of the system; in one that machines share (NFS,
    Lustre) all of them say `locks="leases"`, which needs none.

    With `trust="sha256"` shards are named by SHA-256 instead of xxh3, each is compared with its
    name before its first record is read, and versions with others are refused: for places where
    somebody may want to forge them. Note `ref.digest`, too.

    Shards of a store are read from copies in `cache_dir`, at most `cache_bytes` of them; without
    these, HEADRACE_CACHE_DIR and HEADRACE_CACHE_BYTES say so, else it is the user's cache folder,
    and 50 GB or half of the free disk. Storages of this machine have no copies.

    Raises:
        ArgumentError: it is no address, or one that is empty or of an unknown kind; or the store
            does not take the options; or the bound is no number of bytes.

    Example:
        >>> storage = Storage("memory://")
        >>> ref = storage.submit(range(3), "digits", "1.0")
        >>> len(storage.fetch("digits"))
        3
    """

    def __init__(
        self,
        url: str | os.PathLike[str] | LockingBlobs,
        *,
        durable: bool = True,
        storage_options: Mapping[str, Any] | None = None,
        locks: Locks = "flock",
        trust: Trust = "xxh3",
        cache_dir: str | os.PathLike[str] | None = None,
        cache_bytes: int | None = None,
    ) -> None:
        blobs = blobs_at(url, durable=durable, storage_options=storage_options, locks=locks)
        self._shelf = shelf_at(
            blobs, trust=checked_trust(trust), cache_dir=cache_dir, cache_bytes=cache_bytes
        )
        self._catalog = self._shelf.catalog

    @property
    def url(self) -> str:
        """Where the datasets are."""
        return self._catalog.blobs.url

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
        compress: Mapping[str, str] | None = None,
        parent: str | None = None,
        mode: Literal["append"] | None = None,
    ) -> DataRef[Any]:
        """Stores the records of any source as a new version.

        `source` is an iterable, a function that returns one, a list, a dict of equally long
        arrays, a DataRef or Stream, a table, a dataset or loader of another framework, or files
        as `pathlib.Path`. A second submit of the same version waits for the first. `replace`
        puts a new version over an old one, whose open readers go on. `limit` is how many records
        to store at most. A source that gives batches is stored as it comes, a batch a record,
        unless `unbatch` says that the records in them are meant. With a `backend`, sources with
        records by index, and Streams over them, are read, decoded and written on its workers; the
        version is the same to the byte. With `mode="append"` the version begins with the records of
        `parent`, a version or tag of the dataset: its shards are listed, and only new ones written.
        `compress={"text": "zstd"}` stores these fields compressed, each record by itself; what is
        appended compresses the fields of its parent, unless `compress={}` is said.

        **Cost**: memory for about two shards (`shard_bytes` before compression), whatever the
        number of records; and for two in each worker.

        Raises:
            InvalidName: a name that is no plain one.
            VersionExists: the version is there, and `replace` was not said; or a tag of that name.
            NotFound: no such parent.
            ArgumentError: an unknown kind of source, one that never ends and no `limit`, or no
                backend; a parent without a mode, or that is the version itself; a field to be
                compressed that is not there, or is no text, bytes or alike.
            PickleRefused: the parent holds pickled records, and `allow_pickle` was not said.
            StreamError: the source cannot be sent to workers in other processes.
            WorkerError: workers died again and again over the same records.
            MissingExtra: the package that reads the source, or compresses, is not installed.
            RecordError: a record that cannot be stored, or differs from those before it.
            LeaseLost: this process was stopped too long, and another builds the version.
            StorageError: the disk is full, or refuses.

        Example:
            >>> storage = Storage("memory://")
            >>> storage.submit(({"id": n} for n in range(3)), "ids", "1.0")[2]
            {'id': 2}
            >>> len(storage.submit([{"id": 3}], "ids", "1.1", parent="1.0", mode="append"))
            4
        """
        checked_names(dataset, version)
        appending = Appending(parent, mode, compresses_alike=compress is None)
        build = Build(
            dataset,
            version,
            replace=replace,
            allow_pickle=allow_pickle,
            meta=plain_notes(meta),
            shard_bytes=checked_shard_bytes(shard_bytes),
            compression=compression_of(compress),
            trust=self._shelf.trust,
            made=made_by(source),
        )
        crew = Crew(backend)
        intake = Intake(source, limit=limit, unbatch=unbatch, spread=spread(crew))
        return self._shelf.submitted(build, intake, crew, appending)

    def fetch(
        self,
        dataset: str,
        version: str | None = None,
        *,
        allow_pickle: bool = False,
        digest: str | None = None,
    ) -> DataRef[Any]:
        """Opens a version, by its name or that of a tag, or the one that was committed last.

        With a `digest`, as `ref.digest` gave it, no other version is opened.

        Raises:
            NotFound: no such dataset or version; lists the near ones.
            PickleRefused: it holds pickled records, and `allow_pickle` was not said.
            IntegrityError: its manifest is none, or has another digest; or it names its shards by
                xxh3, and the storage has `trust="sha256"`.
            ArgumentError: the digest is none.

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
        manifest = self._catalog.found(dataset, version)
        check_pin(manifest, digest)
        return self._shelf.opened(manifest, allow_pickle=allow_pickle)

    def cacheable(
        self,
        dataset: str,
        version: str,
        *,
        allow_pickle: bool = False,
        shard_bytes: int = SHARD_BYTES,
        backend: Backend | None = None,
        compress: Mapping[str, str] | None = None,
    ) -> Callable[[Callable[P, object]], Callable[P, DataRef[Any]]]:
        """Makes a function that returns a source give the stored version of it.

        Among all processes that call it, one calls the function, the others wait and read. One
        that raises or dies leaves nothing, and the next takes over. The arguments of that call
        are kept with the version: a call with others is an error. So is a fingerprint of the
        function's code: where it has changed since, a warning is logged. The options are those of
        `submit`, for the call that stores the version.

        Raises:
            InvalidName: a name that is no plain one.
            ArgumentError: an option that `submit` would not take; or, by the function, the version
                was stored from a call with other arguments.
            MissingExtra: the package that compresses is not installed.

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
        Crew(backend)
        build = Build(
            dataset,
            version,
            allow_pickle=allow_pickle,
            shard_bytes=checked_shard_bytes(shard_bytes),
            compression=compression_of(compress),
            trust=self._shelf.trust,
        )
        return Caching(self._shelf, build, backend)

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
        return BlobStore(self._catalog.blobs.aside(f"{folder}/~"), folder)

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
        return self._catalog.known_versions(checked_name("dataset", dataset))

    def log(self, dataset: str) -> VersionLog:
        """The versions of a dataset, the newest first: when, by what, how large, what is new.

        Those whose manifests are damaged are listed beside them, in `unread`.

        **Cost**: reads each manifest, some at once.

        Raises:
            NotFound: there is no such dataset.
            IntegrityError: a tag is damaged.

        Example:
            >>> storage = Storage("memory://")
            >>> _ = storage.submit([1, 2], "digits", "1.0")
            >>> _ = storage.submit([3], "digits", "1.1", parent="1.0", mode="append")
            >>> [(one.version, one.records, one.parent) for one in storage.log("digits").versions]
            [('1.1', 3, '1.0'), ('1.0', 2, None)]
        """
        return log_of(self._catalog, checked_name("dataset", dataset))

    def describe(self, dataset: str, version: str | None = None) -> VersionReport:
        """What is known of a version, or the newest one: its entry in the log.

        **Cost**: that of the log.

        Raises:
            NotFound: no such dataset or version; lists the near ones.
            IntegrityError: its manifest, or a tag, is damaged.

        Example:
            >>> storage = Storage("memory://")
            >>> _ = storage.submit([1, 2], "digits", "1.0", meta={"by": "ada"})
            >>> about = storage.describe("digits")
            >>> about.records, about.meta, str(about.schema)
            (2, {'by': 'ada'}, 'int')
        """
        checked_name("dataset", dataset)
        if version is not None:
            checked_name("version", version)
        return entry_of(self._catalog, dataset, version)

    def diff(self, dataset: str, a: str, b: str) -> VersionDiff:
        """What versions `a` and `b` share, what each has alone, and what changed in the schema.

        Versions go by their names or those of tags.

        Raises:
            NotFound: no such dataset or version; lists the near ones.

        Example:
            >>> storage = Storage("memory://")
            >>> _ = storage.submit([1, 2], "digits", "1.0")
            >>> _ = storage.submit([3], "digits", "1.1", parent="1.0", mode="append")
            >>> storage.diff("digits", "1.0", "1.1").appended
            1
        """
        checked_name("dataset", dataset)
        found = [self._catalog.found(dataset, checked_name("version", name)) for name in (a, b)]
        return diff_of(*found)

    def tag(self, dataset: str, version: str, tag: str) -> None:
        """Points a tag at a version, from wherever it pointed: a name that moves.

        `fetch(dataset, tag)` then gives that version. Versions and tags do not share names.

        Raises:
            NotFound: no such dataset or version; lists the near ones.
            VersionExists: a version has the tag's name.

        Example:
            >>> storage = Storage("memory://")
            >>> _ = storage.submit([1, 2], "digits", "1.0")
            >>> storage.tag("digits", "1.0", "latest-good")
            >>> len(storage.fetch("digits", "latest-good")), storage.tags("digits")
            (2, {'latest-good': '1.0'})
            >>> storage.untag("digits", "latest-good")
        """
        checked_names(dataset, version)
        named = self._catalog.found(dataset, version).version
        set_tag(self._catalog, dataset, named, checked_name("tag", tag))

    def untag(self, dataset: str, tag: str) -> None:
        """Takes a tag away; the version stays.

        Raises:
            NotFound: there is no such tag; lists the near ones.
        """
        checked_name("dataset", dataset)
        remove_tag(self._catalog, dataset, checked_name("tag", tag))

    def tags(self, dataset: str) -> dict[str, str]:
        """The version that each tag of a dataset points at, by name.

        Raises:
            NotFound: there is no such dataset.
            IntegrityError: a tag is damaged.
        """
        self._catalog.newest(checked_name("dataset", dataset))
        return self._catalog.tags(dataset)

    def copy(
        self,
        dataset: str,
        version: str,
        to: Storage,
        *,
        as_version: str | None = None,
        allow_pickle: bool = False,
    ) -> DataRef[Any]:
        """Copies a version to another storage, and opens it there: only the shards it lacks.

        Each shard is verified on the way; a copy that was cut short goes on where it was.

        Raises:
            NotFound: no such dataset or version; lists the near ones.
            VersionExists: there is another version, or a tag, of that name.
            IntegrityError: a shard is missing or damaged here, or named by a digest that `to` does
                not trust.
            PickleRefused: it holds pickled records, and `allow_pickle` was not said.

        Example:
            >>> here, there = Storage("memory://"), Storage("memory://")
            >>> _ = here.submit([1, 2], "digits", "1.0")
            >>> here.copy("digits", "1.0", to=there).identity == here.fetch("digits").identity
            True
        """
        checked_names(dataset, version)
        if not isinstance(to, Storage):
            raise ArgumentError(
                f"a Storage to copy to was expected, got {to!r}. Give to=Storage(...)."
            )
        manifest = self._catalog.found(dataset, version)
        self._shelf.opened(manifest, allow_pickle=allow_pickle)
        new = checked_name("version", manifest.version if as_version is None else as_version)
        copied(manifest, self._catalog, to._catalog, version=new, trust=to._shelf.trust)
        return to.fetch(dataset, new, allow_pickle=allow_pickle)

    def delete(self, dataset: str, version: str) -> None:
        """Takes a version away; `prune` frees its space once no reader can need it.

        What other versions share with it stays.

        Raises:
            NotFound: no such dataset or version; lists the near ones.
            ArgumentError: a tag points at it.

        Example:
            >>> storage = Storage("memory://")
            >>> _ = storage.submit([1], "digits", "1.0")
            >>> storage.delete("digits", "1.0")
            >>> storage.datasets()
            []
        """
        checked_names(dataset, version)
        withdraw(self._catalog, dataset, version)

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
        named = self._catalog.found(dataset, checked_name("version", version)).version
        return upkeep.verify(self._catalog, dataset, [named])

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
        return upkeep.reclaim_all(self._catalog, grace_s=upkeep.checked_grace(grace_s))

    def __repr__(self) -> str:
        return shown_text(self._catalog)

    def _repr_html_(self) -> str:
        return shown_html(self._catalog)

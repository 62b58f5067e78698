"""What `DataLoader.from_dataset` asks for, and the stream and workers that give it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from headrace.backends import Inline
from headrace.backends.begun import Begun
from headrace.backends.processes import Processes
from headrace.contracts import Backend, Task, Visit
from headrace.contracts.errors import ArgumentError, near, seed_value, whole
from headrace.engine import Chain
from headrace.fingerprints import NoFingerprint, fingerprint
from headrace.orders import Range, Shuffle, shuffled_by
from headrace.sources.built import BuiltDataset, BuiltRecords, Counted, Counting
from headrace.stages import Cache, ReshuffledCache
from headrace.stages.rotate import MEDIA
from headrace.streams import Stream
from headrace.tensors import to_numpy

# Any, in this file: datasets are the user's, with records of every type.

CACHE_KEYS = ("prefix", "update_frequency", "key")
ROTATION_KEYS = ("medium", "rotation", "prefix", "size")


@dataclass(frozen=True)
class DatasetLoading:
    """The arguments of `DataLoader.from_dataset`, checked where the user wrote them.

    Each worker builds `dataset_class(**params)` once for itself: for datasets that cannot be sent
    to another process, or are slow to build. This process builds none, a worker tells the length.
    The dataset has `__len__` and `__getitem__`, or `__getitems__`.

    Order and contents are the same for every `num_workers`; 0 reads in this process. A state
    loads into a loader of the same arguments, whatever `num_workers`, `max_queue_size`,
    `gpu_indices`, `worker_init_fn` and `warm_up_s` are, and wherever cache and rotation lie.

    * `shuffle`: globally, in another order each epoch, by (`seed`, epoch); with
      `nearby_shuffle` above 0 no index moves further than that.
    * `collate_fn(records)` makes a batch, in the worker; else records are stacked.
    * `max_queue_size`: so many batches are ahead at most, for each worker.
    * `warm_up_s`: the longest time to wait until all that may be ahead is there.
    * `use_threading`: a thread takes the batches from the workers, `max_queue_size` ahead.
    * `gpu_indices`: one for each worker, which sees no other device.
    * `cache={"prefix": folder, "update_frequency": k}`: the records are made in one epoch of k
      (`math.inf`: once for all), and read from the folder in the others and in the next runs,
      shuffled anew in each. The class's code and the params name it; add a "key" where they do
      not tell that the files behind them changed.
    * `rotation={"medium": "memory" | "disk", "rotation": n}`: each record is used n times, in
      windows of "size" records; on disk in the folder "prefix". An epoch is n times as long.
    * `device`: batches come on it, as tensors of torch unless `to` names another framework.
    * `max_minibatch_length` and `pin_memory` are not needed: a batch may have any size, and what
      is copied to a GPU goes through pinned memory.

    With cache or rotation the workers make records, which are kept by this process: batches are
    then made beside the consumer, with `use_threading` in its thread. Tensors that were on disk
    come back as NumPy arrays, and so they do in all epochs.

    Raises:
        ArgumentError: an argument is out of its range, or `params` do not fit the class.
        Exception: when it begins, what the import, the constructor or `len()` raises in the
            worker.
    """

    dataset_class: Callable[..., Any]
    params: Mapping[str, Any]
    batch_size: int
    num_workers: int
    shuffle: bool = False
    seed: int = 0
    nearby_shuffle: int = 0
    drop_last: bool = False
    collate_fn: Callable[[list[Any]], Any] | None = None
    max_queue_size: int = 20
    warm_up_s: float = 0.0
    use_threading: bool = False
    gpu_indices: Sequence[int] | None = None
    worker_init_fn: Callable[[int], object] | None = None
    cache: Mapping[str, Any] | None = None
    rotation: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        whole("batch_size", self.batch_size, least=1, remedy="Give records a step, such as 32.")
        whole("num_workers", self.num_workers, least=0, remedy="0 reads in this process.")
        remedy = "It counts batches ahead per worker, such as 20."
        whole("max_queue_size", self.max_queue_size, least=1, remedy=remedy)
        remedy = "0 shuffles globally; else it is how far an index may move."
        whole("nearby_shuffle", self.nearby_shuffle, least=0, remedy=remedy)
        seed_value(self.seed)
        self._check_gpus()
        if self.collate_fn is not None and not callable(self.collate_fn):
            raise ArgumentError(
                f"collate_fn must be a function of a list of records, got {self.collate_fn!r}. "
                "Leave it out to stack them."
            )
        check_cache(self.cache)
        check_rotation(self.rotation)
        if self.cache is not None:
            self._cache_key(self.cache)

    def begun(self) -> tuple[Stream[Any], Backend]:
        """The stream, and its workers, one of which has built the dataset and told its length.

        Raises:
            Exception: what the dataset's module, constructor or len() raised in the worker.
        """
        dataset = BuiltDataset.of(self.dataset_class, self.params)
        task: Task[Counted] = Task(Counting(dataset), ())
        if self.num_workers == 0:
            return self.stream(dataset, _size(task())), Inline()
        backend = Begun(self._backend(), self.num_workers * self.max_queue_size)
        with ended_on_error(backend):
            size = _size(backend.workers.submit(task).result())
            return self.stream(dataset, size), backend

    def stream(self, dataset: BuiltDataset, size: int) -> Stream[Any]:
        """The records of the dataset through cache, rotation and batch."""
        # One batch a task: the queue is counted in batches.
        records = BuiltRecords(dataset, size, task_positions=self.batch_size)
        kind = self._kind if self.shuffle else None
        # Without seeds of their own: the loader's is theirs.
        window = self.nearby_shuffle or None if self.shuffle else None
        order = shuffled_by(Range(size), kind, None, window)
        stream: Stream[Any] = Stream(Chain(Visit(records, order)))
        stream = self._rotated(self._cached(stream))
        batches: Stream[Any] = stream.batch(
            self.batch_size, drop_last=self.drop_last, collate=self.collate_fn or "stack"
        )
        return batches.prefetch(self.max_queue_size) if self.use_threading else batches

    @property
    def _kind(self) -> Shuffle:
        return "nearby" if self.nearby_shuffle else "global"

    def _cached(self, stream: Stream[Any]) -> Stream[Any]:
        asked = self.cache
        if asked is None:
            return stream
        stage = Cache(asked["prefix"], asked["update_frequency"], self._cache_key(asked))
        # Arrays in all epochs: what a file gives are no tensors.
        stream = stream.map(to_numpy)
        if not self.shuffle:
            return stream.apply(stage)
        window = self.nearby_shuffle or None
        return stream.apply(ReshuffledCache(stage, self._kind, window))

    def _cache_key(self, cache: Mapping[str, Any]) -> str:
        key = cache.get("key")
        if key is not None:
            return str(key)
        try:
            return fingerprint((self.dataset_class, sorted(self.params.items())))
        except NoFingerprint as error:
            raise ArgumentError(
                f"a cache of {self.dataset_class.__name__} was asked, and the next run could not "
                f"tell whether it is still the same: it holds {error}. Add a name as 'key' to "
                "cache, and another one whenever the class, its params or its files change."
            ) from None

    def _rotated(self, stream: Stream[Any]) -> Stream[Any]:
        asked = self.rotation
        if asked is None:
            return stream
        times = asked["rotation"]
        if asked["medium"] == "memory":
            # As many as dataset_server holds.
            window = asked.get("size") or max(1, self.max_queue_size // 2) * self.batch_size
            return stream.rotate(times, window=window)
        return stream.map(to_numpy).rotate(
            times, window=asked["size"], medium="disk", path=asked["prefix"]
        )

    def _backend(self) -> Backend:
        return Processes(
            self.num_workers, worker_init_fn=self.worker_init_fn, gpu_indices=self.gpu_indices
        )

    def _check_gpus(self) -> None:
        indices = self.gpu_indices
        if indices is None or len(indices) == self.num_workers:
            return
        raise ArgumentError(
            f"gpu_indices {list(indices)} names {len(indices)} devices for {self.num_workers} "
            "workers. Give one for each worker; the same one may come several times."
        )


@contextmanager
def ended_on_error(backend: Backend) -> Iterator[None]:
    """Ends workers that run already where nothing takes them over."""
    try:
        yield
    except BaseException:
        if isinstance(backend, Begun):
            backend.workers.close()
        raise


def check_cache(cache: Mapping[str, Any] | None) -> None:
    """Refuses what is no {"prefix", "update_frequency"}."""
    if cache is None:
        return
    _check_keys("cache", cache, CACHE_KEYS, needed=CACHE_KEYS[:2])
    every = cache["update_frequency"]
    if every != math.inf:
        remedy = "math.inf keeps the first epoch for good; leave out cache to keep none."
        whole("update_frequency of the cache", every, least=2, remedy=remedy)


def check_rotation(rotation: Mapping[str, Any] | None) -> None:
    """Refuses what is no {"medium", "rotation"}, on disk with "prefix" and "size"."""
    if rotation is None:
        return
    _check_keys("rotation", rotation, ROTATION_KEYS, needed=ROTATION_KEYS[:2])
    remedy = "Leave out rotation to use each record once."
    whole("rotation", rotation["rotation"], least=2, remedy=remedy)
    medium = rotation["medium"]
    if medium not in MEDIA:
        raise ArgumentError(
            f"the medium of rotation must be 'memory' or 'disk', got {medium!r}. "
            + near(str(medium), MEDIA)
        )
    if medium == "disk":
        _check_keys("rotation on disk", rotation, ROTATION_KEYS, needed=ROTATION_KEYS)
    elif "prefix" in rotation:
        raise ArgumentError(
            f"rotation in memory was given the prefix {rotation['prefix']!r}, and writes no file. "
            "Leave it out, or give medium='disk'."
        )


def _check_keys(
    what: str, given: Mapping[str, Any], known: Sequence[str], *, needed: Sequence[str]
) -> None:
    if not isinstance(given, Mapping):
        raise ArgumentError(f"{what} must be a dict with {', '.join(needed)}, got {given!r}.")
    for key in given:
        if key not in known:
            raise ArgumentError(f"{what} has no {key!r}. {near(str(key), known)}")
    missing = [key for key in needed if given.get(key) is None]
    if missing:
        raise ArgumentError(
            f"{what} {dict(given)!r} lacks {' and '.join(missing)}. It needs {', '.join(needed)}."
        )


def _size(counted: Counted) -> int:
    if counted.error is not None:
        raise counted.error
    return counted.size

"""`DataLoader`: the loader of dataset_server as `headrace.DataLoader.from_dataset`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from headrace.compat.dataset_server.collating import stacked
from headrace.compat.dataset_server.pinning import pinned
from headrace.compat.dataset_server.tensors import keeps_files, with_tensors
from headrace.contracts.errors import whole
from headrace.loader import DataLoader as HeadraceLoader

# Any, in this file: datasets are the user's, with records of every type.

# dataset_server had no seed. Another one: `headrace.DataLoader.from_dataset(seed=...)`.
SEED = 0


class DataLoader:
    """Batches of `dataset_class(**dataset_params)`, which `nb_worker` processes build and read.

    Each `for` is the next epoch. `shuffle` is global and another one in each epoch, and the same
    in each run; `nearby_shuffle` bounds how far an index moves. An epoch has one short batch at
    most, its last. `nb_worker=0` reads in this process.

    * `collate_fn(records)` makes a batch, in the worker; with a cache or rotation beside the
      consumer. Without it leaves are stacked, in lists for lists and tuples, in dicts for dicts.
    * `max_queue_size`: so many batches are ahead at most, for each worker.
    * `prefetch_time`: the most seconds to wait until all that may be ahead is there.
    * `device`: batches come on it as tensors of torch, arrays too. `pin_memory` locks the pages
      of tensors without `device`; copies to one go through such pages anyway.
    * `gpu_indices`: one for each worker, which sees no other device.
    * `cache_setting={"prefix", "update_frequency"}`: records are kept in the folder `prefix`, and
      made anew every so many epochs; `math.inf` is never, in later runs neither. A "key" names
      them, to be changed when files do that the params only name.
    * `rotation_setting={"rotation", "medium"}`, for "disk" with "prefix" and "size": each record
      is used so often, and the epoch as many times as long.
    * `use_threading`: a thread takes the batches from the workers.
    * `max_minibatch_length`: not needed, batches may have any size.

    Of several ranks each gives its share of the records, and as many batches as the others.

    Raises:
        ArgumentError: an argument is out of its range, or the params do not fit the class.
        Exception: what the import, the constructor or `len()` raises in the worker.

    Example:
        >>> from headrace.compat.dataset_server import DataLoader
        >>> class Squares:
        ...     def __init__(self, count):
        ...         self.count = count
        ...     def __len__(self):
        ...         return self.count
        ...     def __getitem__(self, index):
        ...         return index, index * index
        >>> with DataLoader(Squares, {"count": 3}, batch_size=2, nb_worker=0) as loader:
        ...     [[part.tolist() for part in batch] for batch in loader]
        [[[0, 1], [0, 1]], [[2], [4]]]
    """

    def __init__(  # noqa: PLR0913 - the signature of dataset_server
        self,
        dataset_class: Callable[..., Any],
        dataset_params: Mapping[str, Any],
        batch_size: int,
        nb_worker: int,
        max_minibatch_length: int | None = None,  # taken, and not needed
        max_queue_size: int = 20,
        prefetch_time: float | None = None,
        shuffle: bool = False,
        device: Any = None,
        pin_memory: bool = False,
        gpu_indices: Sequence[int] | None = None,
        nearby_shuffle: int = 0,
        cache_setting: Mapping[str, Any] | None = None,
        rotation_setting: Mapping[str, Any] | None = None,
        use_threading: bool = False,
        collate_fn: Callable[[list[Any]], Any] | None = None,
    ) -> None:
        batches = stacked if collate_fn is None else collate_fn
        if keeps_files(cache_setting, rotation_setting):
            dataset_class, batches = with_tensors(dataset_class, batches)
        self._loader: HeadraceLoader[Any] = HeadraceLoader.from_dataset(
            dataset_class,
            dataset_params,
            batch_size,
            whole("nb_worker", nb_worker, least=0, remedy="0 reads in this process."),
            shuffle=shuffle,
            seed=SEED,
            nearby_shuffle=nearby_shuffle,
            collate_fn=batches,
            max_queue_size=max_queue_size,
            warm_up_s=prefetch_time,
            use_threading=use_threading,
            gpu_indices=gpu_indices,
            cache=cache_setting,
            rotation=rotation_setting,
            device=device,
            # Nobody here can choose: no epoch is refused, and neither is a chain with a cache,
            # whose states then load on the same ranks.
            epoch_end="shortest",
            elastic=False,
        )
        self._is_pinned = pin_memory and device is None
        self._batches: Iterator[Any] | None = None

    @property
    def loader(self) -> HeadraceLoader[Any]:
        """The loader behind it, which has `state_dict`, `load_state_dict` and `epoch`."""
        return self._loader

    def __len__(self) -> int:
        """How many batches an epoch gives."""
        return len(self._loader)

    def __iter__(self) -> DataLoader:
        self._batches = iter(self._loader)
        return self

    def __next__(self) -> Any:
        if self._batches is None:
            self._batches = iter(self._loader)
        try:
            batch = next(self._batches)
        except StopIteration:
            self._batches = None
            raise
        return pinned(batch) if self._is_pinned else batch

    def close(self) -> None:
        """Ends the workers; bounded in time."""
        self._loader.shutdown()

    def __enter__(self) -> DataLoader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"dataset_server.{self._loader!r}"

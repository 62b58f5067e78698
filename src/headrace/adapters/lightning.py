"""The place of a loader in the checkpoints of Lightning."""

from __future__ import annotations

import functools
from typing import Any

from headrace.contracts import State
from headrace.contracts.errors import ArgumentError, RankError, StateError
from headrace.extras import imported
from headrace.loader import DataLoader
from headrace.ranks import Ranks

__all__ = ["LoaderState"]

# Any, in this file: Lightning is optional, and batches hold the user's values.


def LoaderState(loader: DataLoader[Any]) -> Any:  # noqa: N802 - called like the class it gives
    """A callback of Lightning that keeps where a loader stands in each checkpoint.

    Lightning saves the state of a loader by itself, but ahead of the training by one batch where
    the length is not known, that of rank 0 alone, and does not load it from a checkpoint that was
    saved at the end of an epoch. With this callback each checkpoint has the state of every rank
    after the batches that were trained on, and `fit(model, loader, ckpt_path=...)` goes on with
    the next one. After a `fit` the loader stands there too. What cuts an epoch short,
    `limit_train_batches` among it, is followed by the loader's next epoch.

    For the one loader that is trained on, and a `training_step` that is given its batch.

    **State**: the loader's, of each rank, in `checkpoint["callbacks"]["headrace.LoaderState"]`.

    Raises:
        MissingExtra: Lightning is not installed.
        ArgumentError: `loader` is no DataLoader; or, in `fit`, not the one that is trained on, or
            of unknown length and begun anew by `reload_dataloaders_every_n_epochs`.
        RankError: in `fit`, the loader was made before the ranks were known.
        StateError: a checkpoint of another number of ranks.

    Example:
        >>> import headrace as hr
        >>> from headrace.adapters.lightning import LoaderState
        >>> loader = hr.DataLoader(hr.stream(range(6)).filter(lambda x: x % 2).batch(2))
        >>> [state["at"] for state in LoaderState(loader).state_dict()["ranks"]]
        [0]
    """
    callbacks = imported("lightning.pytorch.callbacks", extra="lightning")
    if not isinstance(loader, DataLoader):
        raise ArgumentError(
            f"LoaderState takes the DataLoader that is trained on, got {type(loader).__name__}. "
            "Make one: hr.DataLoader(stream)."
        )
    return _class(callbacks)(Place(loader))


class Place:
    """Where the training stands in a loader: behind what it was given, where that is ahead."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._loader = loader
        # Lightning's own count, so that callbacks may save in every order; None before a fit.
        self._progress: Any = None
        # What it was when the loader's position was set.
        self._before = 0

    def begin(self, trainer: Any) -> None:
        """Begins a fit."""
        self._check(trainer)
        self._progress = trainer.fit_loop.epoch_loop.batch_progress
        self._before = self._progress.total.processed

    def end_epoch(self) -> None:
        """Sets the loader to its next epoch, where Lightning is done with this one."""
        if not self._used or not self._progress.is_last_batch:
            return
        # Lightning calls it the last one before its step, too.
        if self._progress.current.processed == self._progress.current.ready:
            self._set(self._loader.upcoming()[1])

    def settle(self) -> None:
        """Sets the loader to where the training stands."""
        self._set(self._loader.state_dict(delivered=self._used))

    def states(self) -> list[State]:
        """The state of each rank."""
        self.end_epoch()
        return self._ranks.all_gather(self._loader.state_dict(delivered=self._used))

    def load(self, states: list[State]) -> None:
        """Goes on where the ranks stood."""
        if len(states) != self._ranks.world_size:
            raise StateError(
                f"this checkpoint has the states of {len(states)} ranks, and this loader is "
                f"{self._ranks}. As many ranks were expected, since Lightning goes on in the "
                "middle of its epoch. Load the weights only, and hr.merge_states(states) into the "
                "loader, and begin a fit without ckpt_path."
            )
        self._set(states[self._ranks.rank])

    def _check(self, trainer: Any) -> None:
        """Refuses a fit whose batches could not be counted."""
        if trainer.train_dataloader is not self._loader:
            raise ArgumentError(
                f"LoaderState was made for {self._loader}, and this fit trains on "
                f"{type(trainer.train_dataloader).__name__}. Give both the same loader."
            )
        if trainer.reload_dataloaders_every_n_epochs and not _has_length(self._loader):
            raise ArgumentError(
                "reload_dataloaders_every_n_epochs="
                f"{trainer.reload_dataloaders_every_n_epochs} was asked with {self._loader}, whose "
                "length nobody knows. Lightning then draws a batch that it drops, each time. "
                "Leave it out: each epoch of the loader is shuffled anew."
            )
        if self._ranks.world_size == 1 and trainer.world_size > 1:
            raise RankError(
                f"this fit has {trainer.world_size} ranks, and the loader is {self._ranks}: it was "
                "made before Lightning started them. Launch by torchrun or srun, so that each "
                "process knows its rank from its begin."
            )

    @property
    def _ranks(self) -> Ranks:
        # A stream that was sharded by hand has none; the processes are ranks all the same.
        return self._loader.ranks or Ranks.detect()

    @property
    def _used(self) -> int:
        return 0 if self._progress is None else self._progress.total.processed - self._before

    def _set(self, state: State) -> None:
        self._loader.load_state_dict(state)
        self._before += self._used


def _has_length(loader: DataLoader[Any]) -> bool:
    try:
        len(loader)
    except TypeError:
        return False
    return True


@functools.cache
def _class(callbacks: Any) -> Any:
    """The class, which can be made only where Lightning is."""

    class LoaderState(callbacks.Callback):  # type: ignore[misc]
        """Keeps where a loader stands."""

        def __init__(self, place: Place) -> None:
            self._place = place

        @property
        def state_key(self) -> str:
            """Under which name the checkpoint keeps it."""
            return "headrace.LoaderState"

        def state_dict(self) -> dict[str, Any]:
            """What the checkpoint keeps."""
            return {"ranks": self._place.states()}

        def load_state_dict(self, state: dict[str, Any]) -> None:
            """Goes on from a checkpoint."""
            self._place.load(state["ranks"])

        def on_save_checkpoint(self, trainer: Any, module: Any, checkpoint: dict[str, Any]) -> None:
            """Takes out what Lightning would load over it."""
            checkpoint["loops"]["fit_loop"]["state_dict"].pop("combined_loader", None)

        def on_train_start(self, trainer: Any, module: Any) -> None:
            """A fit begins."""
            self._place.begin(trainer)

        def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
            """An epoch of Lightning ends."""
            self._place.end_epoch()

        def on_train_end(self, trainer: Any, module: Any) -> None:
            """A fit ends."""
            self._place.settle()

        def on_exception(self, trainer: Any, module: Any, exception: BaseException) -> None:
            """A fit ends early."""
            self._place.settle()

    return LoaderState

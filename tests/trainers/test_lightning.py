"""Real fits of Lightning that stop, are resumed, and see what one fit would have seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import headrace as hr

# Any, in this file: Lightning is optional, and its classes are made in the tests.
EPOCHS = 3
Make = Callable[..., hr.DataLoader[Any]]


def known(backend: Any = None) -> hr.DataLoader[Any]:
    """7 batches an epoch."""
    stream = hr.DataRef.from_sequence(range(20)).shuffle(seed=7).stream().batch(3)
    return hr.DataLoader(stream, to="torch", backend=backend)


def unknown(backend: Any = None) -> hr.DataLoader[Any]:
    """5 batches an epoch, which nobody can know."""
    ref = hr.DataRef.from_sequence(range(20)).shuffle(seed=7)
    stream = ref.stream().filter(lambda x: x % 3 != 0).batch(3)
    return hr.DataLoader(stream, to="torch", backend=backend)


each_length = pytest.mark.parametrize("make", [known, unknown])


@pytest.fixture
def lightning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    pytest.importorskip("torch")
    lightning = pytest.importorskip("lightning.pytorch")
    monkeypatch.chdir(tmp_path)
    return lightning


def model(lightning: Any) -> Any:
    """A model that notes what it sees."""
    import torch

    class Noting(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)
            self.seen: list[list[int]] = []

        def training_step(self, batch: Any, index: int) -> Any:
            self.seen.append(batch.tolist())
            return self.layer(batch.float()[:, None]).sum()

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 1e-4)

    return Noting()


def saving(lightning: Any, hook: str, count: int) -> Any:
    """Saves a checkpoint in the hook when it is called for the count-th time, and stops."""
    calls = 0

    def save(trainer: Any, *_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == count:
            trainer.save_checkpoint("saved.ckpt")
            trainer.should_stop = True

    return type("Saving", (lightning.Callback,), {hook: lambda _, *given: save(*given)})()


def fit(
    lightning: Any,
    loader: hr.DataLoader[Any],
    *callbacks: Any,
    ckpt: str | None = None,
    **given: Any,
) -> tuple[list[list[int]], Any]:
    """What a fit saw, and its trainer."""
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=EPOCHS,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **given,
    )
    noting = model(lightning)
    with loader:
        trainer.fit(noting, loader, ckpt_path=ckpt, weights_only=False)
    return noting.seen, trainer


def epochs(make: Make) -> list[list[int]]:
    """What the loader gives by itself."""
    with make() as loader:
        return [batch.tolist() for _ in range(EPOCHS) for batch in loader]


def state_of(loader: hr.DataLoader[Any]) -> Any:
    from headrace.adapters.lightning import LoaderState

    return LoaderState(loader)


@each_length
def test_a_fit_sees_the_epochs_of_the_loader_from_the_first(lightning: Any, make: Make) -> None:
    assert fit(lightning, make())[0] == epochs(make)
    loader = make()
    assert fit(lightning, loader, state_of(loader))[0] == epochs(make)


@pytest.mark.parametrize("count", [3, 7, 9])
def test_a_loader_of_known_length_resumes_without_a_callback(lightning: Any, count: int) -> None:
    before, _ = fit(lightning, known(), saving(lightning, "on_train_batch_end", count))
    after, _ = fit(lightning, known(), ckpt="saved.ckpt")

    assert before == epochs(known)[:count]
    assert before + after == epochs(known)


def test_lightning_by_itself_saves_a_loader_of_unknown_length_a_batch_ahead(
    lightning: Any,
) -> None:
    # Should this fail, Lightning has learnt it, and the docs can say so.
    before, _ = fit(lightning, unknown(), saving(lightning, "on_train_batch_end", 3))
    after, _ = fit(lightning, unknown(), ckpt="saved.ckpt")

    assert before + after == epochs(unknown)[:3] + epochs(unknown)[4:]


@each_length
@pytest.mark.parametrize("first", [True, False], ids=["saved before", "saved after"])
@pytest.mark.parametrize(
    ("hook", "count"),
    [
        pytest.param("on_train_batch_end", 1, id="after a batch"),
        pytest.param("on_train_batch_end", 5, id="at the end of an epoch or in it"),
        pytest.param("on_train_batch_end", 7, id="in an epoch or at its end"),
        pytest.param("on_train_batch_end", 9, id="in the second epoch"),
        pytest.param("on_train_epoch_end", 1, id="after an epoch"),
        pytest.param("on_train_epoch_end", 2, id="after two epochs"),
    ],
)
def test_a_fit_with_the_callback_goes_on_as_if_it_had_not_stopped(
    lightning: Any, make: Make, hook: str, count: int, first: bool
) -> None:
    loader, again = make(hr.Threads(1)), make()
    callbacks = [saving(lightning, hook, count), state_of(loader)]
    before, _ = fit(lightning, loader, *(callbacks if first else callbacks[::-1]))
    after, _ = fit(lightning, again, state_of(again), ckpt="saved.ckpt")

    assert before + after == epochs(make)


@each_length
def test_a_fit_that_ended_at_max_steps_is_saved_after_it(lightning: Any, make: Make) -> None:
    loader, again = make(), make()
    before, trainer = fit(lightning, loader, state_of(loader), max_steps=4)
    trainer.save_checkpoint("saved.ckpt")
    after, _ = fit(lightning, again, state_of(again), ckpt="saved.ckpt", max_steps=8)
    rest = make()
    rest.load_state_dict(loader.state_dict())

    assert before + after == epochs(make)[:8]
    assert [batch.tolist() for batch in rest.limit(1)] == [epochs(make)[4]]


@each_length
@pytest.mark.parametrize("hook", ["on_train_batch_end", "on_train_epoch_end"])
def test_epochs_that_are_cut_short_are_followed_by_the_next(
    lightning: Any, make: Make, hook: str
) -> None:
    count = 2 if hook == "on_train_batch_end" else 1
    loader, again = make(), make()
    whole, _ = fit(lightning, make(), limit_train_batches=2)
    stop = saving(lightning, hook, count)
    before, _ = fit(lightning, loader, stop, state_of(loader), limit_train_batches=2)
    after, _ = fit(lightning, again, state_of(again), ckpt="saved.ckpt", limit_train_batches=2)

    each = len(epochs(make)) // EPOCHS
    assert whole == [batch for n in range(EPOCHS) for batch in epochs(make)[n * each :][:2]]
    assert before + after == whole


def test_a_step_that_fails_is_trained_on_again(lightning: Any) -> None:
    loader = unknown()

    def fail(_: Any, trainer: Any, *__: Any) -> None:
        if trainer.global_step == 3:
            raise KeyError("of the step")

    failing = type("Failing", (lightning.Callback,), {"on_train_batch_start": fail})()
    with pytest.raises(KeyError, match="of the step"):
        fit(lightning, loader, failing, state_of(loader))
    rest = unknown()
    rest.load_state_dict(loader.state_dict())

    assert [batch.tolist() for batch in rest] == epochs(unknown)[3:5]


def test_a_callback_for_another_loader_is_refused(lightning: Any) -> None:
    message = "LoaderState was made for DataLoader.* trains on DataLoader. Give both the same"
    with pytest.raises(hr.errors.ArgumentError, match=message):
        fit(lightning, known(), state_of(known()))
    with pytest.raises(hr.errors.ArgumentError, match="LoaderState takes the DataLoader .* got l"):
        state_of([1])  # type: ignore[arg-type]


def test_to_begin_anew_a_loader_of_unknown_length_is_refused(lightning: Any) -> None:
    loader = unknown()
    message = r"reload_dataloaders_every_n_epochs=1 was asked .* length nobody knows. .*Leave it"
    with pytest.raises(hr.errors.ArgumentError, match=message):
        fit(lightning, loader, state_of(loader), reload_dataloaders_every_n_epochs=1)
    loader = known()
    seen, _ = fit(lightning, loader, state_of(loader), reload_dataloaders_every_n_epochs=1)
    assert seen == epochs(known)


def test_a_loader_that_was_made_before_the_ranks_is_refused(lightning: Any) -> None:
    loader = known()
    trainer = SimpleNamespace(
        train_dataloader=loader, reload_dataloaders_every_n_epochs=0, world_size=2
    )
    message = r"this fit has 2 ranks, and the loader is rank 0 of 1 \(alone\).* Launch by torchrun"
    with pytest.raises(hr.errors.RankError, match=message):
        state_of(loader).on_train_start(trainer, None)


def test_a_checkpoint_of_other_ranks_is_refused(lightning: Any) -> None:
    state = state_of(known()).state_dict()
    message = re.escape("states of 2 ranks, and this loader is rank 0 of 1 (alone)")
    with pytest.raises(hr.errors.StateError, match=message):
        state_of(known()).load_state_dict({"ranks": state["ranks"] * 2})

"""A network in torch, trained on cached digits by torch's workers, stopped and resumed."""

# Any, in this file: torch's own values, and a dataset whose batches are dicts of tensors.
from __future__ import annotations

import io
import itertools
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader

import headrace as hr
from headrace.adapters.torch import IterableDataset

BATCH_SIZE, EPOCHS, WORKERS = 64, 5, 2
# In the middle of the third epoch.
STOP_AT = 57


def digits() -> Iterator[dict[str, Any]]:
    """The slow loader of this story: handwritten digits of 8 x 8 pixels, one by one."""
    for image, label in zip(*load_digits(return_X_y=True), strict=True):
        yield {"image": image.reshape(1, 8, 8).astype(np.float32) / 16, "label": int(label)}


def shifted(record: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Each image moved by up to a pixel, another way in each epoch."""
    moved = np.roll(record["image"], rng.integers(-1, 2, size=2), axis=(1, 2))
    return {**record, "image": moved}


def network() -> torch.nn.Module:
    """A small convolutional network."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(256, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 10),
    )


@dataclass
class Training:
    """A network, its optimizer, and the dataset that torch's workers read."""

    dataset: IterableDataset[Any]
    # Batches used since the dataset was made, or its state was loaded.
    used: int = 0
    model: torch.nn.Module = field(default_factory=network)

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.003)
        # The batches are made by the stream: torch must make none of its own.
        self.batches = DataLoader(
            self.dataset, batch_size=None, num_workers=WORKERS, persistent_workers=True
        )

    def run(self, steps: int) -> None:
        """That many more steps, epoch after epoch."""
        epochs = itertools.chain.from_iterable(itertools.repeat(self.batches))
        for batch in itertools.islice(epochs, steps):
            self.optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(self.model(batch["image"]), batch["label"])
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            self.used += 1

    def saved(self) -> bytes:
        """A checkpoint: the position is that after the batches used, not those made ahead."""
        position = json.dumps(self.dataset.state_dict(delivered=self.used))
        states = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        file = io.BytesIO()
        torch.save({**states, "position": position}, file)
        return file.getvalue()

    def load(self, checkpoint: bytes) -> None:
        """Goes on where a checkpoint was saved."""
        states = torch.load(io.BytesIO(checkpoint))
        self.model.load_state_dict(states["model"])
        self.optimizer.load_state_dict(states["optimizer"])
        self.dataset.load_state_dict(json.loads(states["position"]))
        self.used = 0


def accuracy(model: torch.nn.Module, test: hr.DataRef[Any]) -> float:
    """The share of the test digits that the network knows."""
    [batch] = hr.DataLoader(test.stream().batch(len(test)), to="torch")
    with torch.inference_mode():
        return float((model(batch["image"]).argmax(1) == batch["label"]).float().mean())


def main(folder: str) -> None:
    # So small a network is fastest on one thread.
    torch.set_num_threads(1)
    ref = hr.Storage(folder).submit(digits(), "digits", "1.0")
    train, test = ref.split([0.8, 0.2], seed=1)
    stream = train.shuffle(seed=7).stream().map(shifted, seeded=True).batch(BATCH_SIZE)
    steps = EPOCHS * len(stream)
    print(f"stored    {len(ref)} digits; {len(stream)} batches of {BATCH_SIZE} an epoch")

    torch.manual_seed(1)
    whole = Training(IterableDataset(stream))
    whole.run(steps)
    print(f"trained   {steps} steps, {WORKERS} workers: {accuracy(whole.model, test):.1%} right")

    torch.manual_seed(1)
    stopped = Training(IterableDataset(stream))
    stopped.run(STOP_AT)
    checkpoint = stopped.saved()
    print(f"stopped   after {STOP_AT} steps, in epoch {STOP_AT // len(stream)}")

    resumed = Training(IterableDataset(stream))
    resumed.load(checkpoint)
    resumed.run(steps - STOP_AT)
    pairs = zip(whole.model.parameters(), resumed.model.parameters(), strict=True)
    same = all(torch.equal(one, other) for one, other in pairs)
    print(f"resumed   {steps - STOP_AT} steps; all weights as without a stop, bit for bit: {same}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(folder)

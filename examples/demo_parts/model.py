"""A small classifier by hand: 64 pixels -> 64 hidden units -> 10 digits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

PIXELS, HIDDEN, CLASSES = 64, 64, 10
LEARNING_RATE = 0.1
MOMENTUM = 0.9

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Batch = dict[str, npt.NDArray[Any]]  # Any: images are floats, labels are ints


class Classifier:
    """Two layers, ReLU between them, softmax cross-entropy, SGD with momentum.

    Everything that training changes is in `arrays`, so that a checkpoint is all of them.
    """

    def __init__(self, arrays: dict[str, Floats]) -> None:
        self.arrays = arrays

    @staticmethod
    def random(seed: int) -> Classifier:
        """A classifier that has learned nothing yet."""
        rng = np.random.default_rng(seed)
        weights = {
            "w1": rng.normal(0, np.sqrt(2 / PIXELS), (PIXELS, HIDDEN)),
            "b1": np.zeros(HIDDEN),
            "w2": rng.normal(0, np.sqrt(2 / HIDDEN), (HIDDEN, CLASSES)),
            "b2": np.zeros(CLASSES),
        }
        velocities = {f"velocity_{name}": np.zeros_like(weights[name]) for name in weights}
        return Classifier(weights | velocities)

    def train_step(self, batch: Batch) -> float:
        """Learns from one batch; gives the loss before it did."""
        pixels, labels = flat(batch), batch["label"]
        hidden, probabilities = self._forward(pixels)
        rows = np.arange(len(labels))
        loss = -np.log(probabilities[rows, labels]).mean()

        error = probabilities.copy()  # the gradient at the outputs: probabilities - truth
        error[rows, labels] -= 1
        error /= len(labels)
        hidden_error = (error @ self.arrays["w2"].T) * (hidden > 0)
        self._descend("w2", hidden.T @ error)
        self._descend("b2", error.sum(axis=0))
        self._descend("w1", pixels.T @ hidden_error)
        self._descend("b1", hidden_error.sum(axis=0))
        return float(loss)

    def accuracy(self, batch: Batch) -> float:
        """The share of a batch that it names rightly."""
        _, probabilities = self._forward(flat(batch))
        return float((probabilities.argmax(axis=1) == batch["label"]).mean())

    def _forward(self, pixels: Floats) -> tuple[Floats, Floats]:
        hidden = np.maximum(pixels @ self.arrays["w1"] + self.arrays["b1"], 0)
        scores = hidden @ self.arrays["w2"] + self.arrays["b2"]
        scores -= scores.max(axis=1, keepdims=True)  # exp of large numbers overflows
        powers = np.exp(scores)
        return hidden, powers / powers.sum(axis=1, keepdims=True)

    def _descend(self, name: str, gradient: Floats) -> None:
        velocity = self.arrays[f"velocity_{name}"]
        velocity *= MOMENTUM
        velocity -= LEARNING_RATE * gradient
        self.arrays[name] += velocity


def flat(batch: Batch) -> Floats:
    """The images of a batch as rows of 64 pixels."""
    images = batch["image"]
    return images.reshape(len(images), PIXELS).astype(np.float64)

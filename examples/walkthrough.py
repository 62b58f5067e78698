"""From a slow loader to a resumed epoch: store, fetch, stream, shuffle, batch, stop, resume."""

from __future__ import annotations

import json
import tempfile
from typing import Any

import numpy as np

import headrace as hr


def noisy(record: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Adds noise of its own to each image, another one in each epoch."""
    return {**record, "image": record["image"] + rng.normal(0, 0.1, (8, 8))}


def main(folder: str) -> None:
    # Store once: any iterable of records will do.
    storage = hr.Storage(folder)
    storage.submit(({"id": n, "image": np.full((8, 8), n)} for n in range(100)), "greys", "1.0")

    # Fetch from now on, in any process: a length, and each record by its index.
    ref = storage.fetch("greys")
    print(f"stored    {len(ref)} records; record 7 has the id {ref[7]['id']}")

    # Say what the model gets: each epoch in another order, 32 records a batch.
    stream = ref.shuffle(seed=7).stream().map(noisy, seeded=True).batch(32)
    print(f"stream    {len(stream)} batches an epoch")

    # Run it. Stop after two batches, and keep the position: it is a little JSON.
    with hr.DataLoader(stream) as loader:
        for number, batch in enumerate(loader, start=1):
            print(f"batch {number}   images {batch['image'].shape}, ids {batch['id'][:4]} ...")
            if number == 2:
                break
        saved = json.dumps(loader.state_dict())
    print(f"stopped   the position is {len(saved)} bytes")

    # Resume, here on two threads: the batches are those of a run that was never stopped.
    with hr.DataLoader(stream, backend=hr.Threads(2)) as loader:
        loader.load_state_dict(json.loads(saved))
        rest = list(loader)
    for number, (batch, expected) in enumerate(zip(rest, stream.collect()[2:], strict=True), 3):
        same = np.array_equal(batch["image"], expected["image"])
        print(f"batch {number}   ids {batch['id'][:4]} ..., the same as without a stop: {same}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(folder)

"""Records and batches as a tf.data.Dataset."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from headrace.adapters.tensorflow.crossing import Crossing
from headrace.adapters.tensorflow.passes import LoaderReader, Passes, StreamReader
from headrace.adapters.tensorflow.spec import batch_of, spec_of, stored_spec
from headrace.contracts import Run, rows
from headrace.contracts.errors import ArgumentError
from headrace.dataref import DataRef
from headrace.engine import Chain
from headrace.extras import imported
from headrace.loader import DataLoader
from headrace.streams import Stream

# Any, in this file: TensorFlow is optional, and records hold the user's values.


def make_tf_dataset(
    source: Stream[Any] | DataRef[Any] | DataLoader[Any], *, output_signature: Any = None
) -> Any:
    """A tf.data.Dataset of what a Stream, DataRef or DataLoader gives.

    Each pass over it, so each round of `.repeat()`, is the next epoch, shuffled anew; a start
    offset applies once. Records come as they are stored: those that came from a tf.data.Dataset
    have its element_spec. Otherwise the spec is that of the schema, or the first record's, which
    is drawn for it now and is still the first one of the first pass; a list has an open first
    axis, and so have batches, unless `drop_last`. `output_signature` says it instead.

    Single records of one shape are handed on in blocks: up to 1,024 of them are read ahead, or
    as many as come within 0.05 s. Several passes over a Stream can run at once, each in an epoch
    of its own. A DataLoader has one position, so one pass at a time; since tf.data reads ahead,
    save `loader.state_dict(delivered=n)` after n steps.

    Raises:
        MissingExtra: TensorFlow is not installed.
        ArgumentError: `source` is of another kind, a value can be no tensor, or there is no
            record to tell the spec.

    Example:
        >>> import headrace as hr
        >>> from headrace.adapters.tensorflow import make_tf_dataset
        >>> ref = hr.DataRef.from_sequence(range(10))
        >>> dataset = make_tf_dataset(ref.stream(start_offset=5)).repeat(2).batch(5)
        >>> [batch.tolist() for batch in dataset.as_numpy_iterator()]
        [[5, 6, 7, 8, 9], [0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    """
    tf = imported("tensorflow", extra="tf")
    chain, passes = _passes(source)
    if output_signature is not None:
        crossing = Crossing(tf, output_signature, "same_kind")
    else:
        crossing = Crossing(tf, _spec(tf, chain, passes))
    most = 0 if batch_of(chain) is not None else crossing.block_records
    dataset = _bridge(crossing, passes, most)
    count = None if isinstance(source, DataLoader) else _count(chain)
    return (
        dataset if count is None else dataset.apply(tf.data.experimental.assert_cardinality(count))
    )


def _bridge(crossing: Crossing, passes: Passes, most: int) -> Any:
    flat = crossing.tf.data.Dataset.from_generator(
        lambda: _elements(crossing, passes, most),
        output_signature=crossing.signature(in_blocks=most > 0),
    )
    if crossing.has_rows:
        return flat.map(crossing.rows).unbatch()
    dataset = flat.map(crossing.element)
    return dataset.unbatch() if most else dataset


def _elements(crossing: Crossing, passes: Passes, most: int) -> Iterator[tuple[Any, ...]]:
    with closing(passes.blocks(max(1, most))) as blocks:
        for block in blocks:
            if most:
                yield from crossing.stacked(block)
            else:
                yield from map(crossing.single, rows(block))


def _passes(source: Any) -> tuple[Chain, Passes]:
    if isinstance(source, DataLoader):
        return source.node, Passes(lambda: LoaderReader(source))
    if isinstance(source, DataRef):
        source = source.stream()
    if not isinstance(source, Stream):
        raise ArgumentError(
            f"make_tf_dataset takes a Stream, DataRef or DataLoader, got {type(source).__name__}. "
            "Make a Stream of it with hr.stream(...)."
        )
    chain, epochs = source.node, itertools.count(source.first_epoch)
    return chain, Passes(lambda: StreamReader(chain, next(epochs)))


def _spec(tf: Any, chain: Chain, passes: Passes) -> Any:
    stored = stored_spec(tf, chain)
    if stored is not None:
        return stored
    block = rows(passes.first())
    if not block:
        raise ArgumentError(
            "there is no record to see the spec of the tf.data.Dataset from. "
            "Say it with make_tf_dataset(..., output_signature=...)."
        )
    batch = batch_of(chain)
    is_free = batch is not None and not getattr(batch, "drop_last", False)
    return spec_of(tf, block[0], is_free=is_free)


def _count(chain: Chain) -> int | None:
    """How many records each pass gives, None where that is not known or not always the same."""
    first = chain.first_epoch
    counts = {chain.length(Run(epoch=epoch)) for epoch in (first, first + 1)}
    return counts.pop() if len(counts) == 1 else None

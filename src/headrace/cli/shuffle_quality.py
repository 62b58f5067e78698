"""`headrace shuffle-quality`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from headrace.cli.options import AsJson, Seed, StorageUrl
from headrace.cli.place import place_at, stored
from headrace.cli.printing import columns, show, show_json
from headrace.contracts.errors import ArgumentError, near, seed_value, whole
from headrace.contracts.order import Order
from headrace.orders import SHUFFLES, Range, Windowed, shuffled_by
from headrace.orders.make import BLOCK_RECORDS, WINDOW_BLOCKS, WINDOW_PLACES
from headrace.quality import ShuffleQuality, shuffle_quality

# The window of each kind where none is given; the exact one has none.
KINDS: dict[str, int | None] = {
    "global": None,
    "blocks": WINDOW_BLOCKS,
    "nearby": WINDOW_PLACES,
    "windowed": WINDOW_PLACES,
}
# What a row of the table is of: a kind and its window.
Row: TypeAlias = tuple[tuple[str, int | None], ShuffleQuality]


def shuffle_quality_table(  # noqa: PLR0913 - the options of the command
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The dataset; or give --size.")
    ] = None,
    version: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="The version; the newest without.")
    ] = None,
    *,
    storage: StorageUrl = None,
    size: Annotated[
        int | None, typer.Option("--size", help="How many records, where none are stored yet.")
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind", help=f"{', '.join(KINDS)}; several times to compare some, all without."
        ),
    ] = None,
    window: Annotated[
        list[int] | None,
        typer.Option(
            "--window",
            help="The window of the shuffle, in records; of blocks, in blocks of "
            f"{BLOCK_RECORDS:,} records. Several times to compare some.",
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Records in a batch.")] = 64,
    seed: Seed = 0,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw one shuffle as SVG.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare shuffles by how well they mix sorted records, and choose a window by a number.

    Choose by the label mix: 1 is as good as an exact shuffle, 0 leaves records as they are
    stored. Nothing is read but the number of records.
    """
    count = _count(name, version, storage, size)
    pairs = [(one, width) for one in kind or KINDS for width in _windows(one, window)]
    if plot is not None and len(pairs) != 1:
        raise ArgumentError(
            f"--plot draws one shuffle, and {len(pairs)} are compared. Give one --kind and at "
            "most one --window with it."
        )
    orders = [_order(count, one, width, seed_value(seed)) for one, width in pairs]
    found = [shuffle_quality(order, batch_size=batch_size) for order in orders]
    if plot is not None:
        found[0].plot(plot)
    rows = list(zip(pairs, found, strict=True))
    if as_json:
        show_json(_as_json(count, seed, plot, rows))
        return
    _show(rows)
    show(f"{count:,} records, batches of {found[0].batch_size}, seed {seed}")
    if plot is not None:
        show(f"{plot}: open it in a browser")


def _count(name: str | None, version: str | None, storage: str | None, size: int | None) -> int:
    if (name is None) == (size is None):
        given = "neither was" if name is None else "both were"
        raise ArgumentError(
            f"the name of a dataset or --size was expected, and {given} given. Write it like "
            "--size 100000."
        )
    if name is None:
        return whole("--size", size, least=2, remedy="Write it like --size 100000.")
    return stored(place_at(storage), name, version).manifest.rows


def _windows(kind: str, given: list[int] | None) -> list[int | None]:
    if kind not in KINDS:
        raise ArgumentError(f"--kind {kind!r} is unknown. {near(kind, KINDS)}")
    usual = KINDS[kind]
    return [*given] if given and usual is not None else [usual]


def _order(size: int, kind: str, window: int | None, seed: int) -> Order:
    if kind in SHUFFLES:
        return shuffled_by(Range(size), kind, seed, window)
    assert window is not None
    return Windowed(Range(size), window, seed)


def _show(rows: list[Row]) -> None:
    numbers = ("label mix", "neighbour distance", "displacement", "rank correlation")
    table = columns("kind", "window", *numbers, right=("window", *numbers))
    for (kind, window), quality in rows:
        table.add_row(
            kind,
            "" if window is None else f"{window:,}",
            *(f"{getattr(quality, number.replace(' ', '_')):.3f}" for number in numbers),
        )
    show(table)


def _as_json(count: int, seed: int, plot: Path | None, rows: list[Row]) -> dict[str, object]:
    return {
        "records": count,
        "batch_size": rows[0][1].batch_size,
        "seed": seed,
        "plot": None if plot is None else str(plot.absolute()),
        "shuffles": [
            {
                "kind": kind,
                "window": window,
                "label_mix": quality.label_mix,
                "neighbour_distance": quality.neighbour_distance,
                "displacement": quality.displacement,
                "rank_correlation": quality.rank_correlation,
                "looked_at": quality.looked_at,
            }
            for (kind, window), quality in rows
        ],
    }

"""What was measured of a shuffle: numbers, a table, a plot."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from headrace.contracts.errors import ArgumentError
from headrace.quality.plot import drawn


@dataclass(frozen=True)
class ShuffleQuality:
    """How well an order mixes; what `shuffle_quality` gives.

    `label_mix` is the number to choose a window by: how varied the labels of a batch are. It is
    the entropy of the labels in a batch, as a share of that in a batch of an exact shuffle: 1 is
    as good as exact, 0 is one label a batch.

    `rank_correlation` is Spearman's, between position and index: 1 as stored, 0 shuffled, and
    within 2 / sqrt(positions) of it by chance. `displacement` is how far records move, and
    `neighbour_distance` how far apart neighbours were stored (the median), both as shares of an
    exact shuffle's: 0 as stored, 1 shuffled.
    """

    order: str
    epoch: int
    # Positions in the epoch, and how many of them the numbers are of.
    count: int
    looked_at: int
    batch_size: int
    label_count: int
    rank_correlation: float
    displacement: float
    neighbour_distance: float
    label_mix: float
    # For the plot: some pairs of position and index, and the labels in some batches, by tenths.
    points: tuple[tuple[int, int], ...] = field(repr=False, compare=False)
    batches: tuple[tuple[int, ...], ...] = field(repr=False, compare=False)

    def __str__(self) -> str:
        rows = [
            ("rank correlation", 1.0, self.rank_correlation, 0.0),
            ("displacement", 0.0, self.displacement, 1.0),
            ("neighbour distance", 0.0, self.neighbour_distance, 1.0),
            ("label mix", 0.0, self.label_mix, 1.0),
        ]
        lines = [
            f"{self.order}, epoch {self.epoch}",
            f"{'':18}  sorted  {'this':>6}  exact shuffle",
            *(
                f"{name:18}  {low:6.3f}  {this:6.3f}  {high:13.3f}"
                for name, low, this, high in rows
            ),
            f"batches of {self.batch_size:,}, {self.label_count:,} labels, "
            f"{self.looked_at:,} of {self.count:,} positions looked at",
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"{self._svg()}<pre>{html.escape(str(self))}</pre>"

    def plot(self, path: str | PathLike[str]) -> None:
        """Writes an SVG: index by position, and the labels of some batches.

        The file needs nothing beside it; one that is there is replaced when the new one is whole.

        Raises:
            ArgumentError: its name does not end in .svg, or it cannot be written.

        Example:
            >>> import tempfile
            >>> import headrace as hr
            >>> quality = hr.shuffle_quality(hr.order(1_000, seed=7, shuffle="global"))
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     quality.plot(f"{folder}/shuffled.svg")
        """
        target = Path(path)
        if target.suffix.lower() != ".svg":
            raise ArgumentError(
                f"a plot was asked as {str(path)!r}, and it is an SVG. Give a name that ends in "
                ".svg, and open it in a browser."
            )
        aside = target.with_name(f".{target.name}.part")
        try:
            try:
                aside.write_text(self._svg(), "utf-8")
                aside.replace(target)
            finally:
                aside.unlink(missing_ok=True)
        except OSError as error:
            raise ArgumentError(
                f"cannot write the plot to {str(target)!r}: {error.strerror}. "
                "Give a file in a folder that is there and may be written."
            ) from error

    def _svg(self) -> str:
        title = f"{self.order}, epoch {self.epoch}: label mix {self.label_mix:.3f}"
        return drawn(title, self.points, self.batches)

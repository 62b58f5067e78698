"""Sorting positions by a label, so that each label is answered by one vectorised call."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headrace.contracts.order import Indices


def groups(labels: Indices) -> Iterator[tuple[int, slice | Indices]]:
    """Each label met and where it stands, smallest label first; a slice where there is one label.

    **Cost**: O(n) for one label, a radix sort where labels differ by less than 2**16.
    """
    if len(labels) == 0:
        return
    least = labels.min()
    if least == labels.max():
        yield int(least), slice(None)
        return
    relative = labels - least
    # NumPy sorts numbers of 16 bits by radix, 10 times faster than int64.
    narrow = relative.astype(np.uint16) if relative.max() < 2**16 else relative
    places = np.argsort(narrow, kind="stable")
    ordered = labels[places]
    cuts = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    for chosen in np.split(places, cuts):
        yield int(labels[chosen[0]]), chosen

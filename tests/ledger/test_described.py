"""Orders as JSON, and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import IntegrityError
from headrace.ledger.described import described, order_of

# Any, in this file: arrays.
REF = hr.DataRef.from_sequence(range(60)).shuffle(seed=7)
ORDERS = [
    REF,
    REF.shuffle(seed=1, kind="nearby", window=4),
    REF.shuffle(seed=1, kind="blocks", window=2),
    REF[5:50:3],
    REF.repeat(3),
    REF.select([4, 4, 9]),
    REF.sample(np.arange(60), 20, seed=2),
    hr.concat([REF, REF[:7]]),
    hr.mix([REF, REF[:7]], weights=[2, 1], seed=3),
    REF.split([0.5, 0.5], seed=1)[0],
]


@pytest.mark.parametrize("ref", ORDERS, ids=lambda ref: str(ref._order)[:60])
def test_an_order_comes_back_from_json_as_it_was(ref: Any) -> None:
    arrays: dict[str, Any] = {}

    def keep(array: Any) -> str:
        arrays[str(len(arrays))] = array
        return str(len(arrays) - 1)

    order = ref.stream().node.plan.source.order
    found = order_of(json.loads(json.dumps(described(order, keep))), arrays.__getitem__)

    assert found == order
    positions = np.arange(order.count(2))
    assert np.array_equal(found.at(2, positions), order.at(2, positions))


@pytest.mark.parametrize(
    "bad", [7, {"class": "Popen"}, {"class": "Range"}, {"class": "Range", "size": -1}]
)
def test_what_describes_no_order_is_refused(bad: Any) -> None:
    with pytest.raises(IntegrityError, match="no order of this headrace is made of that"):
        order_of(bad, dict[str, Any]().__getitem__)

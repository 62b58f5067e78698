"""What a worker makes is what the consumer gets."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.arena.passing import MOST_BYTES, Passage

from headrace.arena import Desk
from headrace.arena.pickling import LEAST_BYTES, tail_of
from headrace.buffers import Buffers
from headrace.contracts import Columns, columns_of
from headrace.contracts.errors import StreamError

# Any, in this file: results of every type.
LARGE = LEAST_BYTES // 8 + 1


class Pair(NamedTuple):
    x: Any
    y: Any


def equal(one: Any, other: Any) -> bool:
    """Whether two results are the same, types, dtypes and flags included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        same = one.dtype == other.dtype and one.shape == other.shape
        return bool(
            same
            and one.flags.writeable == other.flags.writeable
            and one.tobytes() == other.tobytes()
        )
    if isinstance(one, dict):
        return list(one) == list(other) and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def iter_nothing() -> Generator[None]:
    yield


def repeated(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array again and again, until it is large enough to go into the slot."""
    times = LEAST_BYTES // max(1, array.nbytes) + 1
    return np.ascontiguousarray(np.broadcast_to(array, (times, *array.shape)))


LAYOUTS: dict[str, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]] = {
    "as it is": lambda array: array,
    "large": repeated,
    "every second": lambda array: repeated(array)[::2],
    "backwards": lambda array: repeated(array)[::-1],
    "turned": lambda array: repeated(array).T,
    "one number": lambda array: array.reshape(-1)[:1].reshape(()) if array.size else array,
}


@st.composite
def arrays(draw: st.DrawFn) -> npt.NDArray[Any]:
    dtypes = st.one_of(
        hnp.scalar_dtypes(), hnp.array_dtypes(), st.just(np.dtype(ml_dtypes.bfloat16))
    )
    array = np.zeros(draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0)), draw(dtypes))
    if array.nbytes:
        pattern = draw(st.binary(min_size=1, max_size=16))
        array.view(np.uint8).reshape(-1)[:] = np.resize(
            np.frombuffer(pattern, np.uint8), array.nbytes
        )
    array = LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))](array)
    if draw(st.booleans()):
        array = array.view()
        array.flags.writeable = False
    return array


records = st.recursive(
    arrays() | st.none() | st.booleans() | st.integers() | st.text() | st.binary(max_size=6000),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.tuples(inner, inner)
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def long_lived() -> Generator[Passage]:
    passage = Passage()
    yield passage
    passage.close()


@settings(max_examples=150)
@given(record=records)
def test_every_record_arrives_as_it_was(long_lived: Passage, record: Any) -> None:
    assert equal(long_lived(lambda: record), record)


def test_memory_of_either_kind_holds_results_of_every_size(passage: Passage) -> None:
    for size in (1, LARGE, 1 << 16, 1 << 18, 100):
        array = np.arange(size)
        record = [array, array[: size // 2], {"x": array + 1}]

        assert equal(passage(partial(copy.copy, record)), record)


def test_a_gather_that_outgrows_the_slot_arrives_whole(passage: Passage) -> None:
    buffers = Buffers()

    def make() -> list[npt.NDArray[np.int64]]:
        found = [buffers.empty((count,), np.dtype(np.int64)) for count in (5000, 50_000, 500_000)]
        for value, array in enumerate(found):
            array[:] = value
        return [*found, np.full(100_000, 3)]

    found = passage(make)

    assert [array.shape for array in found] == [(5000,), (50_000,), (500_000,), (100_000,)]
    assert [set(array.tolist()) for array in found] == [{0}, {1}, {2}, {3}]


def test_lent_views_arrive_without_a_copy_and_in_their_layout(passage: Passage) -> None:
    buffers = Buffers()

    def make() -> list[npt.NDArray[Any]]:
        array = buffers.empty((64, 64), np.dtype(np.float32))
        array[:] = np.arange(64 * 64).reshape(64, 64)
        fixed = array[:8]
        fixed.flags.writeable = False
        return [array, array[3:5], array[:, ::-2], array.T, fixed, array.view(np.int32)]

    whole, *views = passage(make)

    assert all(np.shares_memory(whole, view) for view in views)
    assert views[1].strides == (256, -8)
    assert views[2].flags.f_contiguous
    assert not views[3].flags.writeable
    whole[3, 1] = -1
    assert views[0][0, 1] == views[2][1, 3] == -1


def test_arrays_are_aligned(passage: Passage) -> None:
    found = passage(lambda: [np.ones(LARGE), np.ones(LARGE + 3), np.ones(LARGE + 5)])

    assert [array.ctypes.data % 64 for array in found] == [0, 0, 0]


def test_small_results_travel_without_a_slot(passage: Passage) -> None:
    payload = passage.packed(passage.take(), lambda: [np.arange(10), "text", b"bytes"])

    assert tail_of(payload).size_bytes == 0


def test_columns_arrive_as_columns(passage: Passage) -> None:
    columns = columns_of({"x": np.arange(4000.0).reshape(1000, 4), "y": ["a"] * 1000})
    found = passage(lambda: columns)

    assert isinstance(found, Columns)
    assert found.layout == columns.layout
    assert equal(found.stack(), columns.stack())


def test_objects_keep_their_identity_within_a_result(passage: Passage) -> None:
    array = np.ones(LARGE)
    first, second, third = passage(lambda: [array, array, array.copy()])

    assert first is second
    assert first is not third


def test_arrays_of_objects_and_of_texts_arrive(passage: Passage) -> None:
    objects = np.array([{"a": 1}, None, "x"] * LARGE, dtype=object)
    texts = np.array(["some", "words", ""] * LARGE)
    found = passage(lambda: [objects, texts])

    assert found[0].tolist() == objects.tolist()
    assert equal(found[1], texts)


def test_a_mapped_file_arrives_as_an_array(passage: Passage, tmp_path: Any) -> None:
    np.save(tmp_path / "x.npy", np.arange(LARGE))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    found = passage(lambda: [mapped, mapped[:3]])

    assert [type(array) for array in found] == [np.ndarray, np.ndarray]
    assert not found[0].flags.writeable
    assert found[1].tolist() == [0, 1, 2]


def test_other_buffers_travel_out_of_band(passage: Passage) -> None:
    class Blob:
        def __init__(self, content: Any) -> None:
            self.content = content

        def __reduce_ex__(self, protocol: Any) -> Any:
            return bytearray, (pickle.PickleBuffer(self.content),)

    payload = passage.packed(slot := passage.take(), lambda: Blob(b"x" * 10_000))

    assert len(payload) < LEAST_BYTES
    assert passage.arena.opened(slot, payload) == b"x" * 10_000


def test_what_pickle_refuses_goes_by_cloudpickle_and_keeps_its_arrays(passage: Passage) -> None:
    base = np.arange(LARGE)
    for _ in range(3):
        function, array = passage(lambda: (lambda x: x + base[3], np.ones(LARGE)))

        assert function(1) == 4
        assert array.base is not None
        del function, array
    assert set(passage.numbers) == {0}


def test_what_nothing_pickles_is_mended(passage: Passage) -> None:
    def mended(result: Any, error: Exception) -> Any:
        assert "generator" in str(error)
        return [*result[:1], "mended"]

    found = passage(lambda: [np.ones(LARGE), iter_nothing()], mended)

    assert equal(found, [np.ones(LARGE), "mended"])


def test_what_a_task_raises_comes_through_and_lending_ends(passage: Passage) -> None:
    def fail() -> None:
        raise KeyError("asked")

    with pytest.raises(KeyError, match="asked"):
        passage(fail)
    # Lent memory is a view, fresh memory of this size is not.
    assert Buffers().empty((LARGE,), np.dtype(np.int64)).base is None


def test_what_does_not_load_raises_and_frees_its_slot(passage: Passage) -> None:
    class Unloadable:
        def __reduce__(self) -> Any:
            return int, ("no number",)

    with pytest.raises(ValueError, match="no number"):
        passage(lambda: [np.ones(LARGE), Unloadable()])
    passage(lambda: None)

    assert passage.numbers == [0, 0]


def test_what_finds_no_room_beside_the_rest_travels_in_the_pickle(passage: Passage) -> None:
    parts = MOST_BYTES >> 20
    buffers = Buffers()

    def make() -> list[Any]:
        arrays = [buffers.empty((1 << 17,), np.dtype(np.int64)) for _ in range(parts)]
        for number, array in enumerate(arrays):
            array[:] = number
        frozen = np.ones(1 << 17)
        frozen.flags.writeable = False
        return [*arrays, frozen, bytearray(1 << 20)]

    *found, frozen, last = passage(make)

    assert [(int(one[0]), int(one[-1])) for one in found] == [(n, n) for n in range(parts)]
    assert all(one.flags.writeable for one in found)
    assert (frozen == 1).all()
    assert not frozen.flags.writeable
    assert last == bytearray(1 << 20)


def test_memory_that_runs_out_in_a_task_says_so(passage: Passage) -> None:
    class Hungry:
        def __reduce__(self) -> Any:
            raise MemoryError

    with pytest.raises(MemoryError):
        passage(Hungry, lambda result, error: "mended")


def test_an_array_larger_than_the_arena_is_an_error(kind: str) -> None:
    passage = Passage(most_bytes=1 << 20)
    with pytest.raises(
        StreamError,
        match=r"array of 1\.6 MB does not fit the arena of 1\.0 MB.*arena_bytes=.*smaller batches",
    ):
        passage.packed(passage.take(), lambda: np.ones(200_000))

    assert passage(lambda: np.ones(100_000)).sum() == 100_000
    passage.close()


def test_a_large_gather_that_is_dropped_needs_no_room(kind: str) -> None:
    passage = Passage(most_bytes=1 << 20)
    buffers = Buffers()

    def make() -> list[Any]:
        wide = buffers.empty((1 << 22,), np.dtype(np.uint8))
        wide[:] = 1
        return [wide[:LEAST_BYTES].copy()]

    assert passage(make)[0].sum() == LEAST_BYTES
    passage.close()


def test_torch_tensors_share_the_memory_of_the_slot() -> None:
    torch = pytest.importorskip("torch")
    passage = Passage()
    buffers = Buffers()

    def make() -> list[Any]:
        gathered = buffers.empty((64, 64), np.dtype(np.float32))
        gathered[:] = 1
        tensor = torch.from_numpy(gathered)
        return [gathered, tensor, tensor[:, ::2], tensor.T]

    gathered, *tensors = passage(make)
    gathered[0, 0] = 5

    assert [type(tensor) for tensor in tensors] == [torch.Tensor] * 3
    assert [float(tensor[0, 0]) for tensor in tensors] == [5, 5, 5]
    assert tensors[1].stride() == (64, 2)
    passage.close()


def test_tensors_of_every_kind_arrive() -> None:
    torch = pytest.importorskip("torch")
    passage = Passage()
    base = torch.arange(3 * LARGE)
    tensors = [
        *(base.to(dtype) for dtype in (torch.bfloat16, torch.float16, torch.float8_e4m3fn)),
        *(base % 2 == 0, base.to(torch.complex64).conj(), base[5], base[:0], base[::3]),
        *(torch.ones(LARGE, requires_grad=True), torch.nn.Parameter(torch.ones(2))),
        *(base.expand(3, -1), torch.eye(3).to_sparse()),
    ]
    found = passage(lambda: copy.copy(tensors))

    for one, other in zip(found, tensors, strict=True):
        assert (type(one), one.dtype, one.shape) == (type(other), other.dtype, other.shape)
        assert one.requires_grad == other.requires_grad
        dense = [each.to_dense().to(torch.complex128) for each in (one, other)]
        assert torch.equal(*dense)
    passage.close()


def test_jax_arrays_arrive() -> None:
    jax = pytest.importorskip("jax")
    passage = Passage()
    found = passage(lambda: {"x": jax.numpy.arange(LARGE)})

    assert isinstance(found["x"], jax.Array)
    assert found["x"].tolist() == list(range(LARGE))
    passage.close()


def test_a_desk_closes_twice() -> None:
    desk = Desk(1)
    desk.close()
    desk.close()

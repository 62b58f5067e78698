"""What is kept: in memory, and on disk between `on_disk_cache` and `end_caching`."""

from __future__ import annotations

import hashlib
import io
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import headrace as hr
from headrace.compat.torchdata.datapipes.iter import IterableWrapper
from headrace.contracts.errors import IntegrityError, RecordError, StorageError, StreamError

# Any, in this file: records and files of every type.


class Source:
    """Contents by address, each time they are asked for counted."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read(self, url: str) -> tuple[str, io.BytesIO]:
        self.asked.append(url)
        return url, io.BytesIO(f"content of {url}".encode())


@pytest.fixture
def source() -> Source:
    return Source()


def cached(folder: Path, source: Source, urls: str = "abc", **options: Any) -> Any:
    """The paths of the files of addresses."""

    def path(url: str) -> str:
        return str(folder / f"{url}.txt")

    pipe = IterableWrapper(list(urls)).on_disk_cache(filepath_fn=path, **options)
    return pipe.map(source.read).end_caching(filepath_fn=path)


def made(record: int, seen: list[int]) -> int:
    seen.append(record)
    return record


def test_a_pass_in_memory_is_made_once() -> None:
    seen: list[int] = []
    pipe = IterableWrapper(range(200)).map(lambda n: made(n, seen)).in_memory_cache()

    with pytest.raises(TypeError, match="until the cache is loaded"):
        len(IterableWrapper(n for n in "ab").in_memory_cache())
    assert list(pipe.header(3)) == [0, 1, 2], "a pass that ends early is not kept"
    for _ in range(2):
        assert list(pipe) == list(range(200))
    assert len(seen) == 203
    assert len(pipe) == 200


def test_a_cached_pass_can_be_changed_in_place() -> None:
    pipe = IterableWrapper([[1], [2]]).in_memory_cache()
    for _ in range(3):
        for record in pipe:
            record.append(0)
    assert list(pipe) == [[1], [2]]


def test_a_cache_in_memory_serves_each_epoch_of_a_loader() -> None:
    seen: list[int] = []
    pipe = IterableWrapper(range(9)).map(lambda n: made(n, seen)).in_memory_cache().shuffle()
    loader = hr.DataLoader(pipe.stream(), seed=1)

    for epoch in range(3):
        loader.seed(epoch)
        assert sorted(loader) == list(range(9))
    assert len(seen) == 9


def test_the_bound_of_a_cache_in_memory_is_that_of_its_records() -> None:
    seen: list[int] = []
    large = IterableWrapper(range(3)).map(lambda n: bytes(600_000 + made(n, seen)))

    for _ in range(2):
        assert len(list(large.in_memory_cache(size=1))) == 3
    pipe = large.in_memory_cache(size=1)
    seen.clear()
    assert len(list(pipe)) == len(list(pipe)) == 3
    assert len(seen) == 6, "1.8 MB are not kept in 1 MiB"
    pipe = large.in_memory_cache(size=2)
    seen.clear()
    assert len(list(pipe)) == len(list(pipe)) == 3
    assert len(seen) == 3


def test_files_are_made_once_and_given_in_order(tmp_path: Path, source: Source) -> None:
    assert list(cached(tmp_path, source, "b")) == [str(tmp_path / "b.txt")]
    paths = [str(tmp_path / f"{url}.txt") for url in "abc"]

    for _ in range(2):
        assert list(cached(tmp_path, source)) == paths
    assert source.asked == ["b", "a", "c"]
    assert Path(paths[0]).read_text() == "content of a"
    assert [path.name for path in sorted(tmp_path.glob("*"))] == [
        ".locks",
        "a.txt",
        "b.txt",
        "c.txt",
    ]


def test_the_pipes_between_may_be_many(tmp_path: Path, source: Source) -> None:
    def path(url: str) -> str:
        return str(tmp_path / url)

    pipe = IterableWrapper(["a", "b"]).on_disk_cache(filepath_fn=path).map(source.read)
    one, other = pipe.fork(2)
    both = one.zip(other.map(lambda pair: pair[0] * 2)).map(lambda two: (two[1], two[0][1]))
    ended = both.end_caching(filepath_fn=lambda twice: path(twice[0]))

    assert list(ended) == [path("a"), path("b")]
    assert Path(path("a")).read_bytes() == b"content of a"
    assert source.asked == ["a", "b"]


def test_a_record_of_several_files_has_their_list(tmp_path: Path, source: Source) -> None:
    def ended() -> Any:
        pipe = IterableWrapper(["ab", "c"]).on_disk_cache(lambda name: str(tmp_path / name))
        pipe = pipe.flatmap(lambda name: [source.read(one) for one in name])
        return pipe.end_caching(mode="wb", filepath_fn=lambda one: str(tmp_path / f"{one}.txt"))

    paths = [str(tmp_path / f"{one}.txt") for one in "abc"]
    for _ in range(2):
        assert list(ended()) == paths
    assert source.asked == ["a", "b", "c"]
    Path(paths[0]).unlink()
    assert list(ended()) == paths, "what is missing is made again"
    assert source.asked == ["a", "b", "c", "a", "b"]


def test_texts_and_contents_are_kept_too(tmp_path: Path) -> None:
    def ended(content: Any, **options: Any) -> str:
        pipe = IterableWrapper(["x"]).on_disk_cache(lambda name: str(tmp_path / str(len(options))))
        pipe = pipe.map(lambda name: (name, content()))
        (path,) = pipe.end_caching(same_filepath_fn=True, **options)
        return Path(path).read_text()

    assert ended(lambda: io.StringIO("so"), mode="t") == "so"
    assert ended(lambda: "much", mode="wt", skip_read=True) == "much"


def test_a_torn_download_leaves_nothing(tmp_path: Path, source: Source) -> None:
    class Torn(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            found = super().read(size)
            if not found:
                raise OSError("torn")
            return found

    path = str(tmp_path / "a.txt")
    begun = IterableWrapper(["a"]).on_disk_cache(lambda url: path)
    with pytest.raises(OSError, match="torn"):
        list(begun.map(lambda url: (path, Torn(b"half"))).end_caching())
    assert [one.name for one in tmp_path.iterdir()] == [".locks"]

    assert list(cached(tmp_path, source, "a")) == [path]
    assert Path(path).read_text() == "content of a"


def test_a_file_with_another_hash_is_made_again_and_never_kept(
    tmp_path: Path, source: Source
) -> None:
    path = str(tmp_path / "a.txt")
    right = hashlib.sha256(b"content of a").hexdigest()
    Path(path).write_text("old")

    assert list(cached(tmp_path, source, "a", hash_dict={path: right})) == [path]
    assert Path(path).read_text() == "content of a"
    Path(path).unlink()
    with pytest.raises(IntegrityError, match="does not match the expected hash"):
        list(cached(tmp_path, source, "a", hash_dict={path: right[::-1]}))
    with pytest.raises(RecordError, match="Unspecified hash for file"):
        list(cached(tmp_path, source, "a", hash_dict={"b": right}))
    assert not Path(path).exists()


def test_an_extra_check_makes_files_again(tmp_path: Path, source: Source) -> None:
    for _ in range(2):
        list(cached(tmp_path, source, "a", extra_check_fn=lambda path: False))
    assert source.asked == ["a", "a"]


def test_threads_and_ranks_make_a_file_once(tmp_path: Path, source: Source) -> None:
    begun, go_on = threading.Event(), threading.Event()
    read = source.read

    def slow(url: str) -> tuple[str, io.BytesIO]:
        begun.set()
        go_on.wait()
        return read(url)

    source.read = slow  # type: ignore[method-assign]
    found: list[list[str]] = []
    # Each builds a graph of its own, as ranks do.
    threads = [
        threading.Thread(target=lambda: found.append(list(cached(tmp_path, source, "a"))))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    begun.wait()
    go_on.set()
    for thread in threads:
        thread.join()

    assert found == [[str(tmp_path / "a.txt")]] * 3
    assert source.asked == ["a"]


def noting(folder: str, url: str) -> tuple[str, bytes]:
    with open(f"{folder}/log", "a", encoding="utf-8") as log:
        log.write(f"{url}\n")
    return url, url.encode()


@pytest.mark.slow
def test_workers_make_each_file_once(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()

    def path(url: str) -> str:
        return str(tmp_path / "kept" / url)

    urls = [str(number % 20) for number in range(60)]
    begun = IterableWrapper(urls).shuffle().on_disk_cache(path)
    made = begun.map(partial(noting, str(tmp_path)))
    pipe = made.end_caching(same_filepath_fn=True, skip_read=True)

    with hr.DataLoader(pipe.stream(), backend=hr.Processes(2), seed=1) as loader:
        assert sorted(loader) == sorted(map(path, urls))
    asked = (tmp_path / "log").read_text().split()
    assert sorted(asked) == sorted(set(urls))


def test_whoever_needs_too_long_is_not_waited_for_for_ever(tmp_path: Path, source: Source) -> None:
    pipe = cached(tmp_path, source, "a")
    pipe.set_timeout(0.01)
    begun, go_on = threading.Event(), threading.Event()

    def held(url: str) -> tuple[str, io.BytesIO]:
        begun.set()
        go_on.wait()
        return url, io.BytesIO()

    path = str(tmp_path / "a.txt")
    slow = IterableWrapper(["a"]).on_disk_cache(lambda url: path).map(held)
    holder = threading.Thread(target=lambda: list(slow.end_caching(same_filepath_fn=True)))
    holder.start()
    begun.wait()
    with pytest.raises(StorageError, match="written by a different process.*0.01 seconds"):
        list(pipe)
    go_on.set()
    holder.join()


def test_a_cache_begins_and_ends_once(tmp_path: Path, source: Source) -> None:
    begun = IterableWrapper(["a"]).on_disk_cache(str)
    with pytest.raises(StreamError, match=r"call `end_caching\(\)` before iteration"):
        list(begun)
    with pytest.raises(StreamError, match="Expected `OnDiskCacheHolder` existing"):
        IterableWrapper(["a"]).end_caching()
    ended = cached(tmp_path, source)
    with pytest.raises(StreamError, match="only be invoked once per `OnDiskCacheHolder`"):
        ended.end_caching()
    again = ended.on_disk_cache(lambda path: f"{path}.up")
    up = again.map(lambda path: (f"{path}.up", Path(path).read_text().upper()))
    paths = list(up.end_caching(skip_read=True))
    assert Path(paths[2]).read_text() == "CONTENT OF C"

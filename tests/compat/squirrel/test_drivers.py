"""Drivers give chains of headrace: shards are read by the workers, rows begin anew each epoch."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.servers.serving import Store

import headrace as hr
from headrace.compat.squirrel.catalog import Catalog, CatalogKey, Source
from headrace.compat.squirrel.driver import (
    CsvDriver,
    ExcelDriver,
    FeatherDriver,
    FileDriver,
    IterDriver,
    JsonlDriver,
    MapDriver,
    MessagepackDriver,
    ParquetDriver,
    SourceCombiner,
    StoreDriver,
    ZarrDriver,
)
from headrace.compat.squirrel.iterstream import Composable
from headrace.compat.squirrel.serialization import MessagepackSerializer, SquirrelSerializer
from headrace.compat.squirrel.store import SquirrelStore
from headrace.contracts.errors import ArgumentError, NotFound

# How long a worker waits for another before the test fails.
PATIENCE_S = 30


class Letters(MapDriver):
    """Ten letters by number; each is noted with the thread that gave it."""

    name = "letters"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threads: set[str] = set()

    def keys(self, start: int = 0) -> Iterable[int]:
        return range(start, 10)

    def get(self, key: int, upper: bool = False) -> Iterator[str]:
        self.threads.add(threading.current_thread().name)
        yield "abcdefghij"[key].upper() if upper else "abcdefghij"[key]


class Skipping(Composable):
    def __init__(self, step: int = 2) -> None:
        super().__init__()
        self.step = step

    def __iter__(self) -> Iterator[int]:
        return (key for key in self.source if key % self.step == 0)


def doubled(keys: Iterator[int], factor: int = 2) -> Iterator[int]:
    return (key * factor for key in keys if key * factor < 10)


@pytest.fixture
def shards(tmp_path: Path) -> str:
    """Four shards of five records."""
    store = SquirrelStore(str(tmp_path / "shards"), MessagepackSerializer())
    for shard in range(4):
        store.set([{"id": shard * 5 + number} for number in range(5)], f"shard-{shard}")
    return store.url


def ids(records: Iterable[Any]) -> list[Any]:
    return [record["id"] for record in records]


# -- drivers by key --------------------------------------------------------------------------------


@pytest.mark.parametrize("max_workers", [None, 0, 1, 4])
def test_values_come_in_the_order_of_the_keys(max_workers: int | None) -> None:
    records = Letters().get_iter(max_workers=max_workers, flatten=True)
    assert "".join(records.collect()) == "abcdefghij"


def test_keys_and_values_take_their_arguments() -> None:
    records = Letters().get_iter(flatten=True, keys_kwargs={"start": 7}, get_kwargs={"upper": True})
    assert records.collect() == ["H", "I", "J"]
    assert [list(one) for one in Letters().get_iter([3, 1], max_workers=0)] == [["d"], ["b"]]


@pytest.mark.parametrize(
    ("hooks", "expected"),
    [
        ([Skipping], "acegi"),
        ([partial(Skipping, 5)], "af"),
        ([doubled], "acegi"),
        ([partial(doubled, factor=4), Skipping], "aei"),
    ],
)
def test_hooks_change_the_keys(hooks: list[Any], expected: str) -> None:
    assert "".join(Letters().get_iter(key_hooks=hooks, flatten=True)) == expected


def test_a_hook_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="a hook of keys must be a class of Composables.* got 3"):
        Letters().get_iter(key_hooks=[3])


def test_keys_and_records_are_shuffled_by_seeds() -> None:
    def visited(**kwargs: Any) -> str:
        return "".join(Letters().get_iter(flatten=True, **kwargs))

    by_keys = visited(shuffle_key_buffer=10, key_shuffle_kwargs={"seed": 7})
    by_records = visited(shuffle_item_buffer=10, item_shuffle_kwargs={"seed": 8})

    assert sorted(by_keys) == sorted(by_records) == list("abcdefghij")
    assert by_keys == visited(shuffle_key_buffer=10, key_shuffle_kwargs={"seed": 7})
    assert len({by_keys, by_records, "abcdefghij"}) == 3


def test_s_b1_a_generator_is_drawn_by_the_workers() -> None:
    driver = Letters()
    driver.get_iter(max_workers=4, flatten=True).join()

    assert threading.current_thread().name not in driver.threads


def test_s_b1_shards_are_read_side_by_side(shards: str) -> None:
    both = threading.Barrier(2)

    class Meeting(SquirrelSerializer):
        """Reads a shard when another thread reads one, too."""

        def serialize(self, obj: Any) -> Any:
            return obj

        def deserialize(self, obj: Any) -> Any:
            return obj

        def deserialize_shard_from_file(
            self, fp: str, fs: Any = None, **kwargs: Any
        ) -> Iterator[Any]:
            both.wait(PATIENCE_S)
            yield from MessagepackSerializer.deserialize_shard_from_file(fp, fs)

    records = StoreDriver(shards, Meeting()).get_iter(max_workers=2)
    assert ids(records) == list(range(20))


# -- stores ----------------------------------------------------------------------------------------


def test_a_driver_of_shards_gives_records_or_shards(shards: str) -> None:
    driver = MessagepackDriver(shards)

    assert list(driver.keys()) == [f"shard-{number}" for number in range(4)]
    assert ids(driver.get("shard-1")) == [5, 6, 7, 8, 9]
    assert ids(driver.get_iter()) == list(range(20))
    assert [ids(one) for one in driver.get_iter(flatten=False, max_workers=0)][3] == [
        15,
        16,
        17,
        18,
        19,
    ]
    assert driver.store is driver.store


def test_json_lines_are_read_with_the_hook(tmp_path: Path) -> None:
    JsonlDriver(str(tmp_path)).store.set([{"id": 3}], "a")

    driver = JsonlDriver(str(tmp_path), deser_hook=lambda found: found["id"])
    assert driver.get_iter({"compression": "gzip"}).collect() == [3]


def test_a_driver_is_sent_to_other_processes(shards: str) -> None:
    driver = MessagepackDriver(shards)
    driver.get_iter().join()

    assert ids(pickle.loads(pickle.dumps(driver)).get_iter()) == list(range(20))


@pytest.mark.parametrize("kind", [MessagepackDriver, JsonlDriver])
def test_a_driver_takes_no_store(kind: type[Any]) -> None:
    with pytest.raises(ValueError, match=f"{kind.__name__} makes its own store, and got store=3"):
        kind("shards", store=3)


def test_shards_of_an_object_store_are_read(s3: Store, bucket: str) -> None:
    driver = MessagepackDriver(f"{bucket}/shards", storage_options=s3.storage_options)
    driver.store.set([{"id": 1}, {"id": 2}], "a")

    assert ids(driver.get_iter()) == [1, 2]


def test_s_b31_records_of_shards_are_resumed_exactly(shards: str) -> None:
    def loader() -> hr.DataLoader[Any]:
        chain = MessagepackDriver(shards).get_iter(
            shuffle_key_buffer=4, max_workers=2, shuffle_item_buffer=8
        )
        return hr.DataLoader(chain.as_stream(), seed=7)

    with loader() as whole:
        expected = ids(whole)
    with loader() as cut:
        records = iter(cut)
        begun = ids(next(records) for _ in range(9))
        state = cut.state_dict()
    with loader() as resumed:
        resumed.load_state_dict(state)
        assert begun + ids(resumed) == expected
    assert sorted(expected) == list(range(20))


def test_s_b31_all_records_are_shuffled_globally_from_a_storage(
    shards: str, tmp_path: Path
) -> None:
    storage = hr.Storage(tmp_path / "storage")
    ref = storage.submit(MessagepackDriver(shards).get_iter().as_stream(), "records", "1")

    visited = ids(ref.stream(shuffle=True, shuffle_seed=7))
    assert sorted(visited) == list(range(20))
    assert {one // 5 for one in visited[:5]} != {visited[0] // 5}


# -- files and tables ------------------------------------------------------------------------------


def test_a_file_is_written_whole_and_read(tmp_path: Path) -> None:
    driver = FileDriver(str(tmp_path / "in" / "note.txt"))
    with driver.open("w", create_if_not_exists=True) as file:
        file.write("ten")

    with driver.open() as file:
        assert file.read() == "ten"
    with driver.open("rb") as file:
        assert file.read() == b"ten"


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("name,age\nAda,36\nAlan,41\n")
    return path


def test_rows_are_named_tuples_and_begin_anew(people: Path) -> None:
    pytest.importorskip("pandas")
    rows = CsvDriver(str(people)).get_iter(itertuples_kwargs={"index": False, "name": "Person"})

    for _ in range(2):
        assert [(row.name, row.age) for row in rows] == [("Ada", 36), ("Alan", 41)]


def test_hooks_and_arguments_reach_the_frame(people: Path) -> None:
    pytest.importorskip("pandas")
    driver = CsvDriver(
        people,
        df_hooks=[lambda frame: frame[frame.age > 40], lambda frame: frame.age],
        read_kwargs={"usecols": ["name"]},
    )

    assert list(driver.get_df(usecols=["name", "age"])) == [41]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["pandas", "dask"])
@pytest.mark.parametrize("kind", [CsvDriver, ParquetDriver])
def test_tables_are_read_by_each_engine(
    engine: Any, kind: type[Any], people: Path, tmp_path: Path
) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("dask.dataframe")
    table = tmp_path / "people.parquet"
    pandas.read_csv(people).to_parquet(table)
    driver = kind(str(people if kind is CsvDriver else table), engine=engine)

    assert [(row.name, row.age) for row in driver.get_iter()] == [("Ada", 36), ("Alan", 41)]


def test_feather_is_read_by_pandas_alone(people: Path, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    path = str(tmp_path / "people.feather")
    pandas.read_csv(people).to_feather(path)

    assert list(FeatherDriver(path).get_df().age) == [36, 41]
    with pytest.raises(ValueError, match="Feather was to be read by engine='dask', which cannot"):
        FeatherDriver(path, engine="dask")


def test_a_table_of_an_object_store_is_read_by_headrace(
    s3: Store, bucket: str, people: Path
) -> None:
    pytest.importorskip("pandas")
    driver = CsvDriver(f"{bucket}/people.csv.gz", storage_options=s3.storage_options)
    with driver.open("wb", compression="gzip") as file:
        file.write(people.read_bytes())

    assert list(driver.get_df().age) == [36, 41]


def test_an_engine_that_is_not_known_is_refused() -> None:
    with pytest.raises(ArgumentError, match="an engine of data frames was expected, got 'polars'"):
        CsvDriver("people.csv", engine="polars")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (ExcelDriver, r"hr\.stream\(pandas\.read_excel\(path\)\)"),
        (ZarrDriver, r"storage\.submit\("),
    ],
)
def test_drivers_that_are_not_carried_say_what_to_do(kind: type[Any], way: str) -> None:
    with pytest.raises(
        ValueError, match=f"{kind.__name__} of Squirrel .* does not carry it.*{way}"
    ):
        kind("people", engine="dask")


# -- several sources -------------------------------------------------------------------------------


@pytest.fixture
def catalog(tmp_path: Path, people: Path) -> Catalog:
    catalog = Catalog()
    for name, count in (("short", 2), ("long", 3)):
        driver = MessagepackDriver(str(tmp_path / name))
        driver.store.set([{"id": name + str(number)} for number in range(count)], "a")
        catalog[name] = Source("messagepack", {"url": str(tmp_path / name)})
    catalog["people"] = Source("csv", {"url": str(people)})
    subsets = {"s": CatalogKey("short"), "l": CatalogKey("long", 1), "p": CatalogKey("people")}
    catalog["two"] = Source("source_combiner", {"subsets": dict(list(subsets.items())[:2])})
    catalog["three"] = Source("source_combiner", {"subsets": subsets})
    return catalog


def test_subsets_are_read_alone_in_turns_or_by_chance(catalog: Catalog) -> None:
    driver = catalog["two"].get_driver()

    assert isinstance(driver, SourceCombiner)
    assert driver.subsets == ["s", "l"]
    assert driver.get_source("l").identifier == "long"
    assert ids(driver.get_iter("s")) == ["short0", "short1"]
    assert ids(driver.get_iter()) == ["short0", "long0", "short1", "long1", "long2"]
    assert list(driver.keys("s")) == ["a"]
    assert ids(driver.get("s", "a")) == ["short0", "short1"]
    assert ids(driver.get_store("s").get("a")) == ["short0", "short1"]
    drawn = ids(driver.get_iter_sampler(probs=[0.5, 0.5], seed=7))
    assert sorted(drawn) == ["long0", "long1", "long2", "short0", "short1"]


def test_s_b27_a_subset_takes_the_arguments_of_its_frame(catalog: Catalog) -> None:
    pytest.importorskip("pandas")
    frame = catalog["three"].get_driver().get_df("p", usecols=["age"])

    assert list(frame.columns) == ["age"]


def test_a_subset_that_is_missing_tells_the_near_ones(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match=r"there is no subset 'S'\. Did you mean one of 's'"):
        catalog["two"].get_driver().get_iter("S")


def test_a_driver_of_ones_own_knows_its_catalog() -> None:
    class Names(IterDriver):
        name = "names"

        def get_iter(self) -> Any:
            return list(self._catalog.keys())

    catalog = Catalog()
    catalog["a"] = Source("names")
    assert Names(catalog=catalog).get_iter() == ["a"]
    assert Names().get_iter() == []

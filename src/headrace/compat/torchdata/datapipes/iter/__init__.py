"""torchdata's IterDataPipes over headrace: each is a step of a Stream."""

from __future__ import annotations

from headrace.compat.torchdata.datapipes.base import IterDataPipe
from headrace.compat.torchdata.datapipes.iter.archives import (
    TarArchiveLoader,
    ZipArchiveLoader,
)
from headrace.compat.torchdata.datapipes.iter.batching import (
    Batcher,
    Collator,
    UnBatcher,
)
from headrace.compat.torchdata.datapipes.iter.branching import (
    Demultiplexer,
    Forker,
    RoundRobinDemultiplexer,
    UnZipper,
)
from headrace.compat.torchdata.datapipes.iter.bucketing import (
    BucketBatcher,
    InBatchShuffler,
    MaxTokenBucketizer,
)
from headrace.compat.torchdata.datapipes.iter.caching import (
    InMemoryCacheHolder,
)
from headrace.compat.torchdata.datapipes.iter.combining import (
    Concater,
    Multiplexer,
    MultiplexerLongest,
    Zipper,
    ZipperLongest,
)
from headrace.compat.torchdata.datapipes.iter.compression import (
    Bz2FileLoader,
    Decompressor,
    Extractor,
    XzFileLoader,
)
from headrace.compat.torchdata.datapipes.iter.concurrent import (
    BatchAsyncMapper,
    BatchMapper,
    ThreadPoolMapper,
)
from headrace.compat.torchdata.datapipes.iter.converting import (
    MapToIterConverter,
)
from headrace.compat.torchdata.datapipes.iter.disk_cache import (
    EndOnDiskCacheHolder,
    OnDiskCacheHolder,
)
from headrace.compat.torchdata.datapipes.iter.flow import (
    Cycler,
    Enumerator,
    Header,
    LengthSetter,
    PinMemory,
    Prefetcher,
    Repeater,
)
from headrace.compat.torchdata.datapipes.iter.fullsync import (
    FullSync,
)
from headrace.compat.torchdata.datapipes.iter.grouping import (
    Grouper,
)
from headrace.compat.torchdata.datapipes.iter.keyed import (
    IterKeyZipper,
    MapKeyZipper,
)
from headrace.compat.torchdata.datapipes.iter.left_out import (
    AISFileLister,
    AISFileLoader,
    DataFrameMaker,
    GDriveReader,
    IoPathFileLister,
    IoPathFileOpener,
    IoPathSaver,
    RarArchiveLoader,
    RoutedDecoder,
    Sampler,
)
from headrace.compat.torchdata.datapipes.iter.mapping import (
    Filter,
    FlatMapper,
    Mapper,
    ShuffledFlatMapper,
)
from headrace.compat.torchdata.datapipes.iter.opening import (
    FileOpener,
    StreamReader,
)
from headrace.compat.torchdata.datapipes.iter.records import (
    Dropper,
    Flattener,
    IndexAdder,
    Slicer,
)
from headrace.compat.torchdata.datapipes.iter.remote import (
    FSSpecFileLister,
    FSSpecFileOpener,
    HttpReader,
    OnlineReader,
    S3FileLister,
    S3FileLoader,
)
from headrace.compat.torchdata.datapipes.iter.remote_saving import (
    FSSpecSaver,
)
from headrace.compat.torchdata.datapipes.iter.saving import (
    HashChecker,
    Saver,
)
from headrace.compat.torchdata.datapipes.iter.shard_names import ShardExpander
from headrace.compat.torchdata.datapipes.iter.sharding import (
    SHARDING_PRIORITIES,
    ShardingFilter,
    ShardingRoundRobinDispatcher,
)
from headrace.compat.torchdata.datapipes.iter.shuffling import (
    Shuffler,
)
from headrace.compat.torchdata.datapipes.iter.sources import (
    FileLister,
    HuggingFaceHubReader,
    IterableWrapper,
)
from headrace.compat.torchdata.datapipes.iter.splitting import (
    RandomSplitter,
    SampleMultiplexer,
)
from headrace.compat.torchdata.datapipes.iter.tables import (
    ParquetDataFrameLoader,
    Rows2Columnar,
)
from headrace.compat.torchdata.datapipes.iter.text import (
    CSVDictParser,
    CSVParser,
    JsonParser,
    LineReader,
    ParagraphAggregator,
)
from headrace.compat.torchdata.datapipes.iter.tfrecord import (
    TFRecordLoader,
)
from headrace.compat.torchdata.datapipes.iter.webdataset import (
    WebDataset,
)

__all__ = [
    "AISFileLister",
    "AISFileLoader",
    "BatchAsyncMapper",
    "BatchMapper",
    "Batcher",
    "BucketBatcher",
    "Bz2FileLoader",
    "CSVDictParser",
    "CSVParser",
    "Collator",
    "Concater",
    "Cycler",
    "DataFrameMaker",
    "Decompressor",
    "Demultiplexer",
    "Dropper",
    "EndOnDiskCacheHolder",
    "Enumerator",
    "Extractor",
    "FSSpecFileLister",
    "FSSpecFileOpener",
    "FSSpecSaver",
    "FileLister",
    "FileOpener",
    "Filter",
    "FlatMapper",
    "Flattener",
    "Forker",
    "FullSync",
    "GDriveReader",
    "Grouper",
    "HashChecker",
    "Header",
    "HttpReader",
    "HuggingFaceHubReader",
    "InBatchShuffler",
    "InMemoryCacheHolder",
    "IndexAdder",
    "IoPathFileLister",
    "IoPathFileOpener",
    "IoPathSaver",
    "IterDataPipe",
    "IterKeyZipper",
    "IterableWrapper",
    "JsonParser",
    "LengthSetter",
    "LineReader",
    "MapKeyZipper",
    "MapToIterConverter",
    "Mapper",
    "MaxTokenBucketizer",
    "Multiplexer",
    "MultiplexerLongest",
    "OnDiskCacheHolder",
    "OnlineReader",
    "ParagraphAggregator",
    "ParquetDataFrameLoader",
    "PinMemory",
    "Prefetcher",
    "RandomSplitter",
    "RarArchiveLoader",
    "Repeater",
    "RoundRobinDemultiplexer",
    "RoutedDecoder",
    "Rows2Columnar",
    "S3FileLister",
    "S3FileLoader",
    "SHARDING_PRIORITIES",
    "SampleMultiplexer",
    "Sampler",
    "Saver",
    "ShardExpander",
    "ShardingFilter",
    "ShardingRoundRobinDispatcher",
    "ShuffledFlatMapper",
    "Shuffler",
    "Slicer",
    "StreamReader",
    "TFRecordLoader",
    "TarArchiveLoader",
    "ThreadPoolMapper",
    "UnBatcher",
    "UnZipper",
    "WebDataset",
    "XzFileLoader",
    "ZipArchiveLoader",
    "Zipper",
    "ZipperLongest",
]

"""Arguments and options that several commands have in common."""

from __future__ import annotations

from typing import Annotated

import typer

Dataset = Annotated[str, typer.Argument(metavar="NAME", help="The dataset.", show_default=False)]
AnyDataset = Annotated[
    str | None, typer.Argument(metavar="NAME", help="The dataset; all of them without.")
]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="The version.")]
AnyVersion = Annotated[
    str | None, typer.Argument(metavar="VERSION", help="The version; the newest without.")
]
StorageUrl = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="Where the datasets are: a folder, s3://bucket/folder, gs://, az:// or https://, with "
        "credentials of the environment. Without it, $HEADRACE_STORAGE, and where that is not "
        "set, ./headrace-data.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
AllowPickle = Annotated[
    bool,
    typer.Option(
        "--allow-pickle", help="Allow pickled values. Reading one can run any code: trust it first."
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="The seed of the shuffle.")]

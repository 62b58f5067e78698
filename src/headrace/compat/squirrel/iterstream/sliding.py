"""Squirrel's sliding windows as stages of headrace."""

from __future__ import annotations

from copy import deepcopy as copied

from headrace.compat.squirrel.iterstream.functions import Filled, LongEnough
from headrace.contracts import Stage
from headrace.contracts.errors import ArgumentError
from headrace.stages import Filter, Map, Window


def sliding(
    window_size: int,
    *,
    deepcopy: bool,
    stride: int,
    drop_last_if_not_full: bool,
    min_window_size: int,
    fill_nan_on_partial: bool,
) -> list[Stage]:
    """The stages that give the windows.

    Raises:
        ArgumentError: the sizes do not fit together.
    """
    _check(window_size, stride, min_window_size)
    stages: list[Stage] = [Window(window_size, stride, partial=not drop_last_if_not_full)]
    if fill_nan_on_partial and not drop_last_if_not_full:
        stages.append(Map(Filled(window_size)))
    elif not drop_last_if_not_full and min_window_size > 1:
        stages.append(Filter(LongEnough(min_window_size)))
    return [*stages, Map(copied)] if deepcopy else stages


def _check(window_size: int, stride: int, min_window_size: int) -> None:
    if not window_size > 1:
        raise ArgumentError(
            f"window_size must be above 1, got {window_size!r}. For single records use .map."
        )
    if not window_size > min_window_size >= 1:
        raise ArgumentError(
            f"min_window_size must be from 1 to below window_size={window_size}, got "
            f"{min_window_size!r}. For whole windows only leave drop_last_if_not_full=True."
        )
    if not window_size >= stride >= 1:
        raise ArgumentError(
            f"stride must be from 1 to window_size={window_size}, got {stride!r}. To leave records "
            "out between windows, use hr.Stream.window."
        )

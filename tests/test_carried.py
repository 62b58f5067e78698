"""Errors on their way to other processes."""

from __future__ import annotations

import pickle
import threading

from headrace.carried import CarriedError
from headrace.contracts.errors import StreamError


class Asking(Exception):
    """Pickles and does not load: its way to be made asks for more than it keeps."""

    def __init__(self, file: str, line: int) -> None:
        super().__init__(f"{file}:{line}")
        self.line = line


class Lost:
    """Pickles and does not load."""

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return int, ("no number",)


def carried(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as raised:
        raised.add_note("at record 7")
        arrived: CarriedError = pickle.loads(pickle.dumps(CarriedError(raised)))
    return arrived.opened()


def test_an_exception_keeps_its_type_with_what_it_holds_its_notes_and_traceback() -> None:
    error = carried(Asking("table.csv", 3))

    assert type(error) is Asking
    assert (str(error), error.line, error.__notes__) == ("table.csv:3", 3, ["at record 7"])
    assert "in carried\n    raise error" in str(error.__cause__)


def test_an_exception_that_cannot_travel_is_described() -> None:
    for lost in (ValueError(threading.Lock()), ExceptionGroup("two", [ValueError(Lost())])):
        error = carried(lost)

        assert type(error) is StreamError
        assert f"{type(lost).__name__}: {lost} (an exception that cannot be pickled)" == str(error)
        assert error.__notes__ == ["at record 7"]

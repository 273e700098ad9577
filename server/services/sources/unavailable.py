"""What it is called when a model cannot be opened."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

SHOWN_NAMES = 5
"""At most so many names like the one that is not there are told."""


class ModelUnavailable(Exception):
    """A model that cannot be opened as asked; the message says why, in one line."""


def one_line(error: BaseException) -> str:
    """Kind and text of an exception, without its line breaks."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def close_names(name: str, names: Iterable[str]) -> str:
    """The names most like one that is not there, as the end of a sentence; or nothing."""
    by_lower = {known.lower(): known for known in names}
    close = difflib.get_close_matches(name.lower(), by_lower, SHOWN_NAMES)
    return f"; did you mean {' or '.join(by_lower[key] for key in close)}?" if close else "."

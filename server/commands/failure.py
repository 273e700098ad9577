"""How a command says that it cannot do what was asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class CommandFailed(Exception):
    """What the user asked cannot be done; the message says why, in one line."""


@contextmanager
def failing_on(*expected: type[Exception]) -> Iterator[None]:
    """Turn the named exceptions, which are the user's to mend, into ``CommandFailed``."""
    try:
        yield
    except expected as error:
        raise CommandFailed(str(error)) from error

"""Header fields as servers and applications pass them: pairs of bytes, the names in lower case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Field = tuple[bytes, bytes]


def field(fields: Iterable[Field], name: bytes) -> bytes | None:
    """The value of the first field of a name; None: there is none."""
    for key, value in fields:
        if key == name:
            return value
    return None


def with_fields(fields: Iterable[Field], usual: Mapping[bytes, bytes]) -> list[Field]:
    """The fields, and those of ``usual`` whose names are not among them."""
    found = list(fields)
    missing = usual.keys() - {name for name, _ in found}
    return [*found, *(pair for pair in usual.items() if pair[0] in missing)]

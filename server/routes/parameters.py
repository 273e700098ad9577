"""Parameters of addresses that routes share, and what the documentation says of their values.

Limits stand in the documentation alone where the services check them, in better words.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path

LayerName = Annotated[str, Path(description="Name of a layer, as the manifest has it.")]
Index = Annotated[int, Path(description="Counted from 0.", json_schema_extra={"minimum": 0})]


def between(least: int, most: int | None = None) -> dict[str, Any]:
    """The limits of a whole number, for the documentation."""
    return {"minimum": least} if most is None else {"minimum": least, "maximum": most}

"""What PyTorch would refuse, said in one sentence about one parameter."""

from __future__ import annotations

from typing import Any

INPUT = "input_shape"
"""The parameter that a refusal names when it is the input that does not fit."""


class Refusal(ValueError):
    """A layer that PyTorch would not construct, or whose forward would raise."""

    def __init__(
        self, parameter: str, detail: str, *, value: Any = None, limit: int | None = None
    ) -> None:
        super().__init__(detail)
        self.parameter = parameter
        """As ``torch.nn`` names it; ``input_shape`` when the input does not fit; ``type``."""
        self.detail = detail
        """One sentence that says the limit."""
        self.value = value
        """What was given, where that is short."""
        self.limit = limit
        """The largest (or smallest) number that would do, where there is one."""


def listed(words: list[str] | tuple[str, ...]) -> str:
    """Words as English: "a", "a or b", "a, b or c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def counted(count: int, noun: str) -> str:
    """A count with its noun: "1 row", "2 rows"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def shown(shape: tuple[int, ...]) -> str:
    """A shape as it is printed: "[1, 3, 224, 224]"."""
    return str(list(shape))

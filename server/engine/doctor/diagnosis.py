"""What is wrong with a forward that failed, and what would have fitted, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["module", "attribute", "parameter", "call", "insert", "input"]


@dataclass(frozen=True)
class Repair:
    """One change after which the operation that failed passes: tried, not guessed."""

    kind: Kind
    """What is changed: an argument of a ``module``'s constructor, an ``attribute`` of a module, the
    shape of a ``parameter``, an argument of a function's ``call``, an ``insert``-ed operation on
    what a call is given, or the model's ``input``."""
    module_path: str
    """Of the module that is changed, or that makes the call ("" is the model itself); of an input
    its name: ``input``, ``input@1``, or the keyword."""
    parameter: str
    """What is changed there, such as ``in_features``, ``padding``, ``shape`` or ``dtype``."""
    value: Any
    """Its new value; of an inserted operation a Python expression of ``x``."""
    description: str
    """In plain words, without a full stop."""
    completes: bool
    """Whether the whole forward then passes."""
    then: str | None = None
    """Where the forward then stops, if it does not."""


@dataclass(frozen=True)
class Ran:
    """An operation that ran before."""

    name: str
    kind: str
    shape: tuple[int, ...]
    """Of its first output."""


@dataclass(frozen=True)
class Diagnosis:
    """Why a forward stopped."""

    operation: str
    """Class of the module (``Linear``) or name of the function (``cat``) that failed."""
    module_path: str
    """Path of that module, or of the one whose forward called the function; "" is the model."""
    call: int
    """Which call of the module at that path it was, counted from 0."""
    parameter: str | None
    """The parameter that does not fit what came, where it is a single one."""
    sentence: str
    """What did not fit, with shapes and where they came from, and the first repair."""
    input_shapes: tuple[tuple[int, ...], ...]
    """Shapes of the tensors that the operation was given, without its own parameters."""
    error: str
    """The error that PyTorch, or the model, raised: its type and first line."""
    line: str | None
    """The line of the model's own code that was running, where its source can be read."""
    repairs: tuple[Repair, ...]
    """The smallest changes first; those after which the whole forward passes before others."""
    ran: tuple[Ran, ...] = field(repr=False)
    """What ran before, in order."""

    def __str__(self) -> str:
        lines = [self.sentence]
        if self.line:
            lines.append(f"It stopped at: {self.line}")
        shown = self.ran[-MOST_SHOWN:]
        if shown:
            skipped = len(self.ran) - len(shown)
            lines.append(f"What ran before{f' (the last of {len(self.ran)})' if skipped else ''}:")
            lines += [f"  {ran.name} ({ran.kind}) gave {ran.shape}" for ran in shown]
        if self.repairs:
            lines.append("What would have fitted (each was tried):")
            lines += [f"  - {_told(repair)}" for repair in self.repairs]
        return "\n".join(lines)


MOST_SHOWN = 12
"""How many operations the text shows; the data have them all."""


def _told(repair: Repair) -> str:
    if repair.completes:
        return f"{repair.description}: then the whole forward passes."
    return f"{repair.description}: then this passes, and the forward stops {repair.then}."

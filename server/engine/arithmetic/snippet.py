"""A few lines of PyTorch that compute a value again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import torch
from torch import Tensor

from server.engine.arithmetic.call import Call
from server.engine.given import Operand

LITERAL = 320
"""Tensors of at most so many values are written out; larger ones are read from a file."""

WRITTEN = 16_384
"""A snippet in which more values would have to be written out is not given."""

LINE = 96

_STANDARD = frozenset({"import io", "import math", "import urllib.request"})

Place = tuple[Any, ...]
"""Integers, slices and lists of integers, one for each axis."""


class Snippet:
    """Collects lines; every tensor is float64, so that the value comes out as it is shown."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._imports = {"import torch"}
        self._reads_files = False
        self._lines: list[str] = []
        self._written = 0

    def imports(self, line: str) -> Snippet:
        """Add an import."""
        self._imports.add(line)
        return self

    def line(self, text: str) -> Snippet:
        """Add a line."""
        self._lines.append(text)
        return self

    def tensor(self, name: str, operand: Operand, place: Place = ()) -> Snippet:
        """Define a name as part of an operand: from a file, or written out."""
        part = _taken(operand.tensor.detach().cpu(), place)
        source = None if part.numel() <= LITERAL else self._file(operand)
        if source is None:
            return self.values(name, part)
        return self.line(f"{name} = {source}{_written(place)}")

    def optional(self, name: str, value: Any, place: Place = ()) -> Snippet:
        """The same for what may be None."""
        if isinstance(value, Operand):
            return self.tensor(name, value, place)
        return self.line(f"{name} = {value!r}")

    def values(self, name: str, tensor: Tensor) -> Snippet:
        """Define a name as a tensor that is written out."""
        self._written += tensor.numel()
        if self._written > WRITTEN:
            return self
        return self.line(f"{name} = {literal(tensor)}")

    def ending(self, expression: str) -> str | None:
        """The whole text; ``value`` holds the number. None: too much would be written out."""
        if self._written > WRITTEN:
            return None
        functional = "F." in expression or any("F." in line for line in self._lines)
        if functional:
            self._imports.add("import torch.nn.functional as F")
        # As PEP 8 groups them: the standard library first.
        standard = sorted(line for line in self._imports if line in _STANDARD)
        others = sorted(self._imports.difference(_STANDARD), key=lambda line: line.split()[1])
        network = f"{self._call.network_value!r} by the network, in {self._call.dtype}"
        parts = [
            "\n".join([*standard, *([""] if standard else []), *others]),
            "",
            *([_array_of(self._call.files.server)] if self._reads_files else []),
            *self._lines,
            f"value = float({expression})",
            f"print(value)  # {network}",
        ]
        return "\n".join(parts) + "\n"

    def has_file(self, operand: Operand) -> bool:
        """Whether a file has the operand."""
        return self._address(operand) is not None

    def _file(self, operand: Operand) -> str | None:
        """An expression for the whole operand in float64, from a file; None if none has it."""
        address = self._address(operand)
        if address is None:
            return None
        self._reads_files = True
        self._imports |= {"import io", "import urllib.request", "import numpy as np"}
        double = ".double()" if operand.tensor.is_floating_point() else ""
        path, name = address
        return f"array({path!r}, {name!r}){double}"

    def _address(self, operand: Operand) -> tuple[str, str] | None:
        """The path of the file that has an operand, and its name there."""
        files, node = self._call.files, self._call.node
        if operand.parameter:
            name = files.parameter(operand.parameter)
            return _in(files.parameters, node.name, name) if name else None
        if operand.kept is not None:
            made_by, item = operand.kept
            return _in(files.activations, made_by, "activation") if item == 0 else None
        if operand.input is None or files.inputs is None:
            return None
        name = node.inputs[operand.input]
        given = files.given.get(name)
        # What was written to since is not what the file has.
        same = given is not None and given.shape == operand.tensor.shape
        if given is None or not same or not torch.equal(given, operand.tensor.detach().cpu()):
            return None
        return files.inputs, name


def _in(path: str | None, node: str, name: str) -> tuple[str, str] | None:
    """A file of a node's, and a name in it."""
    return None if path is None else (path.replace("{name}", quote(node, safe="@")), name)


def _array_of(server: str) -> str:
    """A function that fetches an array."""
    return f"""
def array(path, name):
    # The server's answer is 410 once it has forgotten the drawing; drawing it again helps.
    with urllib.request.urlopen({server!r} + path) as answer:
        return torch.from_numpy(np.load(io.BytesIO(answer.read()))[name])

"""


def literal(tensor: Tensor) -> str:
    """A tensor as Python text that gives exactly its values, in float64 or as integers."""
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bool or not tensor.is_floating_point():
        return f"torch.tensor({tensor.tolist()!r})"
    shape = tuple(tensor.shape)
    if tensor.dtype == torch.float64:
        numbers = [_number(value) for value in tensor.flatten().tolist()]
    else:
        # The shortest text that is the same float32; halves of 16 bits are float32 too.
        numbers = [_number32(value) for value in tensor.float().flatten().numpy()]
    dtype = "torch.float64" if tensor.dtype == torch.float64 else "torch.float32"
    double = "" if tensor.dtype == torch.float64 else ".double()"
    if not shape:
        return f"torch.tensor({numbers[0]}, dtype={dtype}){double}"
    body = _wrapped(numbers)
    reshaped = f".reshape({', '.join(map(str, shape))})" if len(shape) > 1 else ""
    return f"torch.tensor({body}, dtype={dtype}){reshaped}{double}"


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'float("{value}")'


def _number32(value: np.float32) -> str:
    return str(value) if np.isfinite(value) else f'float("{value}")'


def _wrapped(numbers: Sequence[str]) -> str:
    """A list over as many lines as it takes."""
    flat = f"[{', '.join(numbers)}]"
    if len(flat) <= LINE // 2:
        return flat
    lines, line = [], "   "
    for number in numbers:
        if len(line) + len(number) + 2 > LINE:
            lines.append(line)
            line = "   "
        line += f" {number},"
    return "[\n" + "\n".join([*lines, line]) + "\n]"


def _taken(tensor: Tensor, place: Place) -> Tensor:
    """The part of a tensor at integers, slices and lists, axis by axis."""
    axis = 0
    for item in place:
        if isinstance(item, int):
            tensor = tensor.select(axis, item)
            continue
        if isinstance(item, list):
            tensor = tensor.index_select(axis, torch.tensor(item, dtype=torch.long))
        else:
            tensor = tensor[(slice(None),) * axis + (item,)]
        axis += 1
    return tensor


def _written(place: Place) -> str:
    """The same as Python text: brackets, one pair for each list, since two would go together."""
    if not place:
        return ""
    plain: list[str] = []
    lists: list[tuple[int, list[int]]] = []
    axis = 0
    for item in place:
        if isinstance(item, int):
            plain.append(str(item))
            continue
        if isinstance(item, list):
            plain.append(":")
            lists.append((axis, item))
        else:
            parts = ["" if part is None else str(part) for part in (item.start, item.stop)]
            step = "" if item.step in (None, 1) else f":{item.step}"
            plain.append(":".join(parts) + step)
        axis += 1
    text = f"[{', '.join(plain)}]"
    for where, items in lists:
        text += f"[{', '.join([':'] * where + [repr(items)])}]"
    return text

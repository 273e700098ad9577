"""The table of ``doodlescope describe``: nodes, or modules folded to a depth, with their costs."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from server.engine.node import Node
from server.engine.trace import Trace
from server.services.layer_fields import LayerField

UNLIMITED = 10_000
"""Columns of a terminal that is none: nothing is left out or folded in a file or a pipe."""


@dataclass(frozen=True)
class Row:
    """One node, or all nodes of one call of a module."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_accumulates: int
    activation_bytes: int
    saved_for_backward_bytes: int | None
    field: LayerField


@dataclass(frozen=True)
class Column:
    """A column: its title, and what it says of a row."""

    title: str
    text: Callable[[Row], str]
    unit: str = ""


def rows_of(trace: Trace, fields: dict[str, LayerField], depth: int | None) -> list[Row]:
    """A row for each node; with a depth, one for each call of a module so deep.

    Modules that are not called, such as an ``nn.ModuleList``, are no level. A folded row has the
    shape and the field of the module's last node, and the sums of the rest.
    """
    if depth is None:
        return [_row(node, fields) for node in trace.nodes]
    rows: list[Row] = []
    calls: Counter[str] = Counter()
    called = {path for path, _ in trace.modules}
    for path, group in itertools.groupby(trace.nodes, lambda node: _folded(node, depth, called)):
        nodes = list(group)
        module = trace.modules.get((path, calls[path])) if path else None
        calls[path] += 1
        if module is None or len(nodes) == 1:
            rows += [_row(node, fields) for node in nodes]
        else:
            rows.append(_folded_row(module, nodes, fields))
    return rows


def _folded(node: Node, depth: int, called: Container[str]) -> str:
    """The path of the module that a node is folded into; "" when it stands above that depth."""
    parts = node.module_path.split(".")
    prefixes = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
    levels = [path for path in prefixes if path in called]
    is_module = node.name == node.module_path or node.name.startswith(f"{node.module_path}@")
    deep = len(levels) + (0 if is_module else 1)
    return levels[depth - 1] if node.module_path and depth <= len(levels) and deep > depth else ""


def _row(node: Node, fields: dict[str, LayerField]) -> Row:
    return Row(
        node.name,
        node.kind,
        node.shape,
        node.parameters,
        node.multiply_accumulates,
        node.activation_bytes,
        getattr(node, "saved_for_backward_bytes", None),
        fields[node.name],
    )


def _folded_row(module: Node, nodes: Sequence[Node], fields: dict[str, LayerField]) -> Row:
    saved = [getattr(node, "saved_for_backward_bytes", None) for node in nodes]
    known = [each for each in saved if each is not None]
    return Row(
        module.name,
        module.kind,
        module.shape,
        module.parameters,
        sum(node.multiply_accumulates for node in nodes),
        sum(node.activation_bytes for node in nodes),
        sum(known) if len(known) == len(saved) else None,
        fields[nodes[-1].name],
    )


def print_rows(console: Console, rows: Sequence[Row]) -> list[str]:
    """Print the table in the width that there is; returns the titles of the columns left out."""
    columns = [column for column in COLUMNS if any(column.text(row) for row in rows)]
    left_out: list[str] = []
    for title in FIRST_LEFT_OUT:
        # Names may be folded, but not to less than this.
        room = console.width - (NAME if title in LAST_LEFT_OUT else 0)
        counted = columns[1:] if title in LAST_LEFT_OUT else columns
        if _width(console, counted, rows) <= room:
            break
        if any(column.title == title for column in columns):
            columns = [column for column in columns if column.title != title]
            left_out.append(title)
    console.print(_table(columns, rows))
    return left_out


def _width(console: Console, columns: Sequence[Column], rows: Sequence[Row]) -> int:
    """Of the table with nothing folded."""
    unlimited = console.options.update(width=UNLIMITED)
    return Measurement.get(console, unlimited, _table(columns, rows)).maximum


def _table(columns: Sequence[Column], rows: Sequence[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        # Nothing is ever cut off: a name too long for what is left goes on in the next line.
        table.add_column(
            column.title,
            justify="left" if column.title in ("name", "kind") else "right",
            overflow="fold",
            no_wrap=column.title != "name",
            style="bold" if column.title == "name" else "",
        )
    for row in rows:
        table.add_row(*(Text(column.text(row)) for column in columns))
    return table


def times(sizes: Sequence[int]) -> str:
    """Sizes as ``7×7``."""
    return "×".join(map(str, sizes))


def _places(positions: Sequence[int]) -> str:
    return ", ".join(map(str, positions))


def field_size(layer: LayerField) -> str:
    """The size of the fields of a layer's units, as the legend explains it."""
    middle = layer.middle
    if middle is None:
        return "?"
    if middle.size is not None:
        return times(middle.size)
    if middle.box is None:
        return "none"
    size = "all" if layer.covers else times([high - low for low, high in middle.box])
    return f"({'≤ ' if middle.status != 'exact' else ''}{size})"


def short(number: float, base: int = 1000, units: Sequence[str] = ("", "k", "M", "G", "T")) -> str:
    """A number of three digits and its unit; nothing for none."""
    if number == 0:
        return ""
    step = min(int(math.log(number, base)), len(units) - 1)
    value = number / base**step
    if round(value) >= base and step < len(units) - 1:
        step, value = step + 1, value / base
    digits = 0 if step == 0 else max(0, 2 - int(math.log10(max(value, 1))))
    return f"{value:.{digits}f} {units[step]}".rstrip()


def memory(number: int | None) -> str:
    """Bytes in binary units."""
    return short(number or 0, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))


COLUMNS = (
    Column("name", lambda row: row.name),
    Column("kind", lambda row: row.kind),
    Column("output", lambda row: times(row.shape) or "scalar"),
    Column("parameters", lambda row: f"{row.parameters:,}" if row.parameters else ""),
    Column("MACs", lambda row: short(row.multiply_accumulates)),
    Column("memory", lambda row: memory(row.activation_bytes)),
    Column("saved", lambda row: memory(row.saved_for_backward_bytes)),
    Column("field", lambda row: field_size(row.field)),
    Column("stride", lambda row: times((row.field.middle and row.field.middle.stride) or ())),
    Column("start", lambda row: _places((row.field.middle and row.field.middle.start) or ())),
)

LAST_LEFT_OUT = ("field", "output")
FIRST_LEFT_OUT = (
    "start",
    "saved",
    "kind",
    "memory",
    "parameters",
    "stride",
    "MACs",
    *LAST_LEFT_OUT,
)
"""Columns that a narrow terminal has no room for, in this order."""

NAME = 12
"""So wide are names at the least."""


def legend(rows: Sequence[Row], left_out: Sequence[str], width: int) -> Iterator[str]:
    """What the signs in the table mean that occur in it."""
    if any("(" in field_size(row.field) for row in rows):
        yield (
            "(…): no one size and stride hold for all units; inside of the input, this is the "
            "field of the unit in the middle."
        )
    if any("all" in field_size(row.field) for row in rows):
        yield "all: the whole input."
    if any(row.field.middle is None for row in rows):
        yield "?: not searched for here, since that takes long for tensors of this size."
    if any(field_size(row.field) == "none" for row in rows):
        yield "none: the input does not reach it."
    if left_out:
        yield f"Left out for {width} columns: {', '.join(left_out)}; a file or a pipe gets all."

"""Layers from Python source: lines of PyTorch are parsed, never executed.

Read are calls of classes of ``torch.nn`` with values that stand in the text: on lines of their own,
assigned, in lists, in ``nn.Sequential``, in a class's ``__init__``, and as ``print(model)`` shows
them. The order is that of the text; what ``forward`` does is not followed.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from server.engine.shapes import LAYERS
from server.engine.shapes.parameters import NOT_FOR_SHAPES, close_match
from server.errors import InvalidInput, LimitExceeded, shorten
from server.services.python_values import Unreadable, read_value
from server.services.shapes import LONGEST_STACK

POINTER = "/source"

MOST_LEFT_OUT = 20
"""Sentences on what is left out."""

CONTAINERS = ("Sequential", "ModuleList")
"""Modules whose layers are taken in order."""

PRINTED_TEXTS = ("same", "valid", "reflect", "replicate", "circular")
"""Texts that modules print without quotes."""

PRINTED = re.compile(r"^\s*\(\w+\): ", re.MULTILINE)
"""The beginning of a line of ``print(model)``."""

PRINTED_LAYER = re.compile(r"^\s*(?:\(\w+\): )?(\w+\(.*\))\s*$")


@dataclass
class SourceLayers:
    """What was found in a text."""

    layers: list[dict[str, Any]] = field(default_factory=list)
    """``type`` and parameters of each, in order."""
    left_out: list[str] = field(default_factory=list)
    """Sentences on what could not be read, with its line."""

    def leave_out(self, node: ast.AST, why: str) -> None:
        """Note that something is not among the layers."""
        line = getattr(node, "lineno", 0)
        if len(self.left_out) < MOST_LEFT_OUT:
            self.left_out.append(f"Line {line}: {why}")


def parse_source(text: str) -> SourceLayers:
    """The layers that a text makes.

    Args:
        text: Python, or what ``print(model)`` writes.

    Raises:
        InvalidInput: it is no Python, or there is no layer in it.
        LimitExceeded: more layers than a stack has.
    """
    found = SourceLayers()
    names: dict[str, Any] = {}
    for statement in _parsed(_unprinted(text)).body:
        _read_statement(statement, found, names)
    if not found.layers:
        why = found.left_out[0] if found.left_out else "There is no layer in the text."
        raise InvalidInput(why, pointer=POINTER, value=text)
    return found


def _unprinted(text: str) -> str:
    """A printed model as lines of calls, each on its own line; other text as it is."""
    if not PRINTED.search(text):
        return text
    matches = (PRINTED_LAYER.match(line) for line in text.splitlines())
    return "\n".join(match[1] if match else "" for match in matches)


def _parsed(text: str) -> ast.Module:
    """The tree of the text; also of one cut out of a list or an indented block."""
    dedented = textwrap.dedent(text)
    stripped = "\n".join(line.strip() for line in text.splitlines())
    first: SyntaxError | None = None
    for attempt in (dedented, f"[{text}\n]", stripped):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of odd literals
                return ast.parse(attempt)
        except SyntaxError as error:
            first = first or error
        except (ValueError, RecursionError, MemoryError) as error:
            raise InvalidInput(
                "The text cannot be read: it is nested too deeply or has characters that Python "
                "does not allow.",
                pointer=POINTER,
                value=text,
            ) from error
    assert first is not None
    raise InvalidInput(
        f"Line {first.lineno or 1} cannot be read as Python: {shorten(first.msg)}.",
        pointer=POINTER,
        value=(first.text or text).strip(),
    ) from first


def _read_statement(node: ast.stmt, found: SourceLayers, names: dict[str, Any]) -> None:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.Pass():
            pass  # documentation, and what needs no layer
        case ast.Expr(value=ast.Call() as call) if _is_super(call):
            pass
        case ast.Expr(value=value):
            _read_layers(value, found, names)
        case (
            ast.Assign(targets=[target], value=value)
            | ast.AnnAssign(target=target, value=ast.expr() as value)
        ):
            _read_assignment(target, value, found, names)
        case ast.ClassDef(body=body):
            for inner in body:
                if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
                    _read_constructor(inner, found, names)
        case ast.FunctionDef(name="__init__"):
            _read_constructor(node, found, names)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.AnnAssign():
            pass  # forward: what it does is not followed
        case ast.Return(value=ast.expr() as value):
            _read_layers(value, found, names)
        case _:
            found.leave_out(
                node, "only plain layers are read, not statements such as loops and conditions."
            )


def _read_constructor(node: ast.FunctionDef, found: SourceLayers, names: dict[str, Any]) -> None:
    """The layers of ``__init__``, its parameters standing for their defaults."""
    own = dict(names)
    positional = [*node.args.posonlyargs, *node.args.args]
    pairs = [
        *zip(positional[::-1], node.args.defaults[::-1], strict=False),
        *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
    ]
    for argument, default in pairs:
        if default is not None:
            _note_value(argument.arg, default, own)
    for statement in node.body:
        _read_statement(statement, found, own)


def _read_assignment(
    target: ast.expr, value: ast.expr, found: SourceLayers, names: dict[str, Any]
) -> None:
    if isinstance(target, ast.Name) and _note_value(target.id, value, names):
        return
    if isinstance(value, ast.Call | ast.List | ast.Tuple):
        _read_layers(value, found, names)


def _note_value(name: str, value: ast.expr, names: dict[str, Any]) -> bool:
    """Remember a name whose value stands in the text."""
    try:
        names[name] = read_value(value, names)
    except Unreadable:
        names.pop(name, None)
        return False
    return True


def _is_super(call: ast.Call) -> bool:
    """Whether it is ``super().__init__()``."""
    match call.func:
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super"))):
            return True
    return False


def _read_layers(node: ast.expr, found: SourceLayers, names: Mapping[str, Any]) -> None:
    """Every layer of an expression, in order."""
    # A list of nodes to come, so that deep nesting needs no deep stack.
    waiting = [node]
    while waiting:
        current = waiting.pop()
        match current:
            case ast.List(elts=items) | ast.Tuple(elts=items):
                waiting += items[::-1]
            case ast.Call() as call if _class_name(call.func) in CONTAINERS:
                waiting += list(_contained(call, found))[::-1]
            case ast.Call() as call:
                _read_call(call, found, names)
            case ast.Attribute(attr=name) | ast.Name(id=name) if name in LAYERS:
                found.leave_out(current, f"{name} is not called; write {name}().")
            case ast.Name(id=name):
                found.leave_out(current, f"{shorten(name)} is a name, not a layer.")
            case _:
                found.leave_out(current, "this is no layer.")


def _contained(call: ast.Call, found: SourceLayers) -> Iterator[ast.expr]:
    """The modules that a container is made of."""
    for keyword in call.keywords:
        found.leave_out(keyword.value, "a container takes its layers without names.")
    for argument in call.args:
        match argument:
            case ast.Call(func=func, args=[ast.List(elts=pairs) | ast.Tuple(elts=pairs)]) if (
                _class_name(func) == "OrderedDict"
            ):
                for pair in pairs:
                    yield (
                        pair.elts[1]
                        if isinstance(pair, ast.Tuple) and len(pair.elts) == 2
                        else pair
                    )
            case ast.Starred():
                found.leave_out(argument, "a list that is spread out with * is not read.")
            case _:
                yield argument


def _read_call(call: ast.Call, found: SourceLayers, names: Mapping[str, Any]) -> None:
    kind = _class_name(call.func)
    if kind not in LAYERS:
        text = f"there is no layer {shorten(kind)} here." if kind else "this is no layer."
        found.leave_out(call, text + close_match(kind, list(LAYERS)))
        return
    try:
        layer = {"type": kind, **_parameters(kind, call, names)}
    except Unreadable as error:
        found.leave_out(call, str(error))
        return
    if len(found.layers) == LONGEST_STACK:
        raise LimitExceeded(
            f"The text has more than {LONGEST_STACK} layers; so many are allowed.",
            pointer=POINTER,
            limit=LONGEST_STACK,
        )
    found.layers.append(layer)


def _parameters(kind: str, call: ast.Call, names: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a call by the names of the constructor's parameters.

    Raises:
        Unreadable: a value does not stand in the text, or is given twice.
    """
    known = [parameter.name for parameter in LAYERS[kind].parameters]
    if len(call.args) > len(known):
        raise Unreadable(
            f"{kind} takes at most {len(known)} parameters here, not {len(call.args)}."
        )
    values: dict[str, Any] = {}
    for name, argument in zip(known, call.args, strict=False):
        values[name] = _value(kind, name, argument, names)
    for keyword in call.keywords:
        if keyword.arg is None:
            raise Unreadable(f"{kind} has parameters that are spread out with **.")
        if keyword.arg in values:
            raise Unreadable(f"{kind} has {shorten(keyword.arg)} twice.")
        if keyword.arg not in NOT_FOR_SHAPES and keyword.arg != "type":
            values[keyword.arg] = _value(kind, keyword.arg, keyword.value, names)
    return values


def _value(kind: str, name: str, node: ast.expr, names: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name) and node.id in PRINTED_TEXTS and node.id not in names:
        return node.id
    try:
        return read_value(node, names)
    except Unreadable as error:
        raise Unreadable(f"{shorten(name)} of {kind} {error}") from error


def _class_name(func: ast.expr) -> str:
    """``Conv2d`` of ``nn.Conv2d``, ``torch.nn.Conv2d`` and ``Conv2d``; "" of anything else."""
    match func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name() | ast.Attribute(), attr=name):
            return name
    return ""

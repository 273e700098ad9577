"""Running a model again, changed or not, to see where it stops: quietly, and leaving no traces."""

from __future__ import annotations

import functools
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from server.engine.example import Arguments, Inputs
from server.engine.meta_leniency import Doubtful
from server.engine.operations import operation_kind, tensors_in
from server.engine.preserved import preserved
from server.engine.printing import held_printing
from server.engine.record import signature_of
from server.engine.runnable import (
    eagerly,
    has_lazy_parameters,
    on_meta,
    stand_in,
    whole,
    with_tensors,
)


@dataclass(frozen=True)
class Place:
    """A call in a forward: of a function, or of a module where ``kind`` is empty."""

    path: str
    """The module that runs."""
    call: int
    """Which call of that module."""
    kind: str
    number: int
    """Which call of functions of that kind in that call of the module."""

    @property
    def line(self) -> tuple[str, str, int]:
        """The same for every call of the module: a line of its code, so to speak."""
        return self.path, self.kind, self.number


@dataclass(eq=False)
class Event:
    """A call, with what it was given and what it gave."""

    place: Place
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    function: Callable[..., Any] | None = None
    result: Any = None
    error: BaseException | None = None


class Change(Protocol):
    """Something that is changed for one run."""

    def on_model(self, model: nn.Module, device: torch.device) -> Callable[[], None] | None:
        """Change modules; gives what undoes those changes that are not to attributes."""

    def on_arguments(self, arguments: Arguments) -> Arguments:
        """Change what the model is given."""

    def on_call(
        self, event: Event
    ) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]] | None:
        """Change a call of a function that is about to begin; None: as it is."""


class UnsuitableChange(ValueError):
    """A change that cannot be made, such as a size that the module's constructor refuses."""


@dataclass
class Replay:
    """What happened in one run."""

    events: list[Event] = field(default_factory=list)
    """The calls of functions, in the order in which they began; only if they were to be kept."""
    modules: list[Event] = field(default_factory=list)
    """The calls of modules, likewise."""
    passed: set[Place] = field(default_factory=set)
    """The calls that did not raise."""
    last: Event | None = None
    """The call of a function, or of a module, that raised last."""
    count: int = 0
    """How many calls of functions there were."""
    error: BaseException | None = None
    names: dict[int, str] = field(default_factory=dict)
    """Names of parameters and buffers by the id of the tensor that stood for them."""
    inputs: tuple[Tensor, ...] = ()

    @property
    def stopped(self) -> Event | None:
        """The innermost call that raised what ended the run."""
        if self.error is None:
            return None
        raised = [event for event in self.events if event.error is self.error]
        ended = [event for event in self.modules if event.error is self.error]
        # Modules end from the inside out, and functions stand within all of them.
        innermost = raised or sorted(ended, key=_depth, reverse=True)
        # ScriptModules take no hooks, and what ends programs calls none.
        return innermost[0] if innermost else Event(Place("", 0, "", 0), self.inputs, {})


def _depth(event: Event) -> int:
    return event.place.path.count(".") + bool(event.place.path)


def replay(
    model: nn.Module,
    inputs: Inputs,
    device: torch.device,
    changes: Iterable[Change] = (),
    *,
    keep: bool = False,
) -> Replay:
    """Run a model in eval mode on a device; on the meta device with stand-ins for its tensors.

    What it raises is in the result, except what ends programs (KeyboardInterrupt, SystemExit). What
    it prints is dropped. The model is afterwards as it was.

    Args:
        model: to run.
        inputs: what to give it.
        device: where to run it.
        changes: made for this run only.
        keep: whether the calls are kept with what they were given.

    Raises:
        UnsuitableChange: a change cannot be made.
    """
    changes = tuple(changes)
    found = Replay()
    with ExitStack() as stack:
        stack.enter_context(eagerly())
        stack.enter_context(held_printing())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        if has_lazy_parameters(model):  # a run gives those shapes
            model = on_meta(model)
        else:
            stack.enter_context(preserved(model))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        for change in changes:
            if undo := change.on_model(model, device):
                stack.callback(undo)
        model.eval()
        arguments = inputs.to(device)
        for change in changes:
            arguments = change.on_arguments(arguments)
        tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        forward: Callable[..., Any] = model
        if device.type == "meta":
            if any(not tensor.is_meta for tensor in tensors.values()):
                tensors = {name: stand_in(tensor) for name, tensor in tensors.items()}
                forward = functools.partial(with_tensors, model, tensors)
            stack.enter_context(Strict())
        found.names = {id(tensor): name for name, tensor in tensors.items()}
        found.inputs = tuple(arguments.tensors())
        observer = Observer(model, found, changes, keep)
        stack.enter_context(observer.hooks())
        stack.enter_context(observer)
        try:
            whole(forward(*arguments.args, **arguments.kwargs))
        except (Exception, SystemExit) as error:
            found.error = error
    return found


class Observer(TorchFunctionMode):
    """Keeps which calls passed, and makes the changes to calls."""

    def __init__(
        self, model: nn.Module, found: Replay, changes: Sequence[Change], keep: bool
    ) -> None:
        super().__init__()
        self._model = model
        self._found = found
        self._changes = changes
        self._keep = keep
        self._calls: Counter[str] = Counter()
        self._running: list[tuple[str, int, Counter[str], BaseException | None, Event | None]] = []

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Forward hooks on every module, which tell which one is running."""
        with ExitStack() as stack:
            for path, module in self._model.named_modules():
                if isinstance(module, torch.jit.ScriptModule):
                    continue
                enter = functools.partial(self._enter, path)
                handles = (
                    module.register_forward_pre_hook(enter, with_kwargs=True, prepend=True),
                    module.register_forward_hook(self._leave, with_kwargs=True, always_call=True),
                )
                for handle in handles:
                    stack.callback(handle.remove)
            yield

    def _enter(self, path: str, module: nn.Module, args: Any, kwargs: Any) -> None:
        call = self._calls[path]
        self._calls[path] += 1
        event: Event | None = None
        if self._keep:
            event = Event(Place(path, call, "", 0), args, kwargs)
            self._found.modules.append(event)
        self._running.append((path, call, Counter(), sys.exc_info()[1], event))

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if not self._running:  # entering it failed, as when recursion goes too deep
            return
        path, call, _, before, event = self._running.pop()
        error = sys.exc_info()[1]  # this is also called while an exception passes
        if error is None or error is before:
            self._found.passed.add(Place(path, call, "", 0))
            return
        ended = event or Event(Place(path, call, "", 0), (), {})
        ended.error = error
        if self._found.last is None or self._found.last.error is not error:
            self._found.last = ended

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        kind = operation_kind(func)
        path, call, counts, *_ = self._running[-1] if self._running else ("", 0, self._calls)
        place = Place(path, call, kind, counts[f"{kind}()"])
        counts[f"{kind}()"] += 1
        event = Event(place, args, kwargs, func)
        self._found.count += 1
        if self._keep:
            self._found.events.append(event)
        for change in self._changes:
            if changed := change.on_call(event):
                func, args, kwargs = changed
        try:
            event.result = func(*args, **kwargs)
        except BaseException as error:
            event.error = error
            self._found.last = event
            raise
        self._found.passed.add(place)
        return event.result


class Strict(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Stops what only the meta device lets pass."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        with torch._C.DisableTorchFunction():
            signature = signature_of(func)
            result = signature.shortcut(*args, **kwargs) if signature.shortcut else None
            if result is None:
                result = func(*args, **kwargs)
            if signature.doubt is not None and signature.doubt(signature.named(args, kwargs)):
                raise Doubtful(signature.name)
            return result


def shapes_of(value: Any) -> tuple[tuple[int, ...], ...]:
    """The shapes of all tensors in nested values."""
    return tuple(tuple(tensor.shape) for tensor in tensors_in(value))

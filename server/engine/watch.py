"""Watching the calls that make a graph's nodes, while a model runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from server.engine.direct import direct_forward
from server.engine.given import Given, Operand
from server.engine.node import Node
from server.engine.operations import described, mutated_tensors, tensors_in
from server.engine.unwritten import Looks, Writes, not_in_place, writes_in_place


class Diverged(RuntimeError):
    """The model did something else than when its graph was made."""


@dataclass(slots=True, eq=False)
class Step:
    """A call that makes a node: of a module, or of a function."""

    node: Node
    given: Given
    module: nn.Module | None
    operands: tuple[int, ...]
    """Which of the tensors among its arguments are neither parameters nor kept outputs."""
    is_apart: bool = False
    """Whether it is made to give something new where it would write to what it is given. Of a
    module, all steps are or none is."""
    copies_made: bool = False
    """Whether something writes later to what it returns."""
    copies_taken: bool = False
    """Whether something, perhaps itself, writes later to those operands."""

    @property
    def can_be_apart(self) -> bool:
        """Whether it would write, and can be made not to."""
        if self.module is not None:
            return writes_in_place(self.module)
        function = self.given.function
        return function is not None and not_in_place(function, self.given.kwargs) is not None

    @property
    def is_simple(self) -> bool:
        """Whether it can be called, and what it takes and returns kept, as it is."""
        only = self.given.args
        takes_one = self.operands == (0,) and len(only) == 1 and isinstance(only[0], Operand)
        is_plain = takes_one and not self.given.kwargs and not self.copies_taken
        writes = self.is_apart and self.module is None
        return not (self.copies_made or writes) and (not self.operands or is_plain)

    def filled(
        self,
        made: tuple[Tensor, ...],
        taken: Sequence[Tensor],
        outputs: dict[str, Sequence[Tensor]],
    ) -> Node:
        """The node with the tensors of one run."""
        rest = iter(taken)

        def operand(template: Operand) -> Operand:
            if template.parameter is not None:
                return template
            if template.kept is not None:
                name, number = template.kept
                return replace(template, tensor=outputs[name][number])
            return replace(template, tensor=next(rest))

        args, kwargs = self.given.replaced(operand)
        given = Given(self.given.function, args, kwargs)
        return replace(self.node, outputs=made, given=given)


_CALL = "_compiled_call_impl"
"""What a module calls instead of looking for hooks and calling ``forward``, where it is set."""

_GLOBAL_HOOKS = (
    nn.modules.module._global_forward_pre_hooks,
    nn.modules.module._global_backward_hooks,
    nn.modules.module._global_backward_pre_hooks,
)


def _entry(module: type[nn.Module]) -> str:
    """The attribute that a module without hooks is watched at."""
    own = any(
        getattr(module, name) is not getattr(nn.Module, name)
        for name in ("__call__", "_wrapped_call_impl", "_call_impl")
    )
    return "forward" if own or not hasattr(nn.Module, _CALL) else _CALL


class Watch(TorchFunctionMode):
    """Picks up what the expected calls return, one after the other.

    Modules are watched where they are called, which costs a fraction of a hook; those that have
    hooks of their own by a hook behind these, which may change what is returned.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        super().__init__()
        self._steps = steps
        # Behind the last step, nothing is expected.
        self._modules = [*(step.module for step in steps), None]
        self._functions = [*(step.given.function for step in steps), None]
        self._never_simple = [False] * len(steps)
        self._simple = [step.is_simple for step in steps]
        self._is_simple = self._never_simple
        self._takes = [bool(step.operands) for step in steps]
        self._made: list[Sequence[Tensor]] = []
        self._taken: list[Sequence[Tensor]] = []
        self._entered: dict[int, tuple[Sequence[Tensor], list[int]]] = {}
        self._written: list[tuple[list[int], list[int]]] = []
        self._writes: Writes | None = None
        self._looks: Looks | None = None
        self._shapes = [(torch.Size(step.node.shape), len(step.node.outputs)) for step in steps]
        self._expected: Callable[..., Any] | None = None
        self._on = False
        modules = {id(module): module for module in self._modules if module is not None}
        self._watched = [
            (each, vars(each), self._forward_of(each), _entry(type(each)))
            for each in modules.values()
        ]
        apart = {id(step.module) for step in steps if step.is_apart}
        self._apart = [vars(module) for place, module in modules.items() if place in apart]

    def see(
        self,
        model: nn.Module,
        args: Any,
        *,
        writes: Writes | None = None,
        looks: Looks | None = None,
    ) -> tuple[Any, list[Sequence[Tensor]], list[Sequence[Tensor]]]:
        """Run the model: what it returns, and what each step made and took.

        Args:
            model: the one whose calls the steps are.
            args: of its forward.
            writes: counts what is written meanwhile, for ``mark_overwritten``.
            looks: is told what steps that are apart would have written to, by the step's place.

        Raises:
            Diverged: not every expected call came, or one gave another shape.
        """
        self._writes = writes
        self._looks = looks
        is_usual = looks is None and writes is None
        self._is_simple = self._simple if is_usual else self._never_simple
        if writes is not None:
            self._written.clear()
        replaced, hooks = self._begin()
        try:
            self._expected = self._functions[0]
            self._switch()
            output = model(*args)
            made, taken = self._made[:], self._taken[:]
        finally:
            self._made.clear()
            self._taken.clear()
            self._entered.clear()
            self._writes = None
            self._expected = None
            self._looks = None
            if self._on:
                self._switch()
            for own, entry in replaced:
                del own[entry]
            for own in self._apart:
                own["inplace"] = True
            for hook in hooks:
                hook.remove()
        if len(made) != len(self._steps):
            raise Diverged(f"{self._steps[len(made)].node.name} did not run.")
        if [(tensors[0].shape, len(tensors)) for tensors in made] != self._shapes:
            wrong, shape = next(
                (step.node.name, tuple(tensors[0].shape))
                for step, tensors in zip(self._steps, made, strict=True)
                if tensors[0].shape != step.node.shape or len(tensors) != len(step.node.outputs)
            )
            raise Diverged(f"{wrong} gave {shape}.")
        return output, made, taken

    def mark_overwritten(
        self,
        made: Sequence[Sequence[Tensor]],
        taken: Sequence[Sequence[Tensor]],
        writes: Writes,
        lasting: Iterable[Tensor],
    ) -> None:
        """Let the steps copy what was written to since they saw it, and what is not of the run.

        Args:
            made: by the run that ``writes`` watched.
            taken: by that run.
            writes: what was written, then and since.
            lasting: tensors that live on and may change after the run.
        """
        places = {tensor.untyped_storage()._cdata for tensor in lasting}

        def passing(tensors: Sequence[Tensor], then: list[int]) -> bool:
            return any(
                writes.to(tensor) != count or tensor.untyped_storage()._cdata in places
                for tensor, count in zip(tensors, then, strict=True)
            )

        for step, outputs, operands, (then_made, then_taken) in zip(
            self._steps, made, taken, self._written, strict=True
        ):
            step.copies_made = passing(outputs, then_made)
            step.copies_taken = passing(operands, then_taken)

    def _begin(self) -> tuple[list[tuple[dict[str, Any], str]], list[RemovableHandle]]:
        """Watch the modules; returns the attributes that were set for it, by name, and the hooks.

        From here to the end of the run, layers that are apart are not in place.
        """
        everywhere = nn.modules.module._global_forward_hooks
        others = any(_GLOBAL_HOOKS)
        replaced: list[tuple[dict[str, Any], str]] = []
        hooks: list[RemovableHandle] = []
        for module, own, forward, entry in self._watched:
            if everywhere or own["_forward_hooks"] or "forward" in own:
                hooks.append(module.register_forward_pre_hook(self._enter, with_kwargs=True))
                hooks.append(module.register_forward_hook(self._left, with_kwargs=True))
                continue
            if (
                others
                or own["_forward_pre_hooks"]
                or own["_backward_hooks"]
                or own["_backward_pre_hooks"]
                or entry in own
            ):
                entry = "forward"
            own[entry] = forward
            replaced.append((own, entry))
        for own in self._apart:
            own["inplace"] = False
        return replaced, hooks

    def _forward_of(self, module: nn.Module) -> Callable[..., Any]:
        """The module's forward, watched."""
        forward = module.forward
        direct = direct_forward(module)
        made, taken, takes = self._made, self._taken, self._takes
        modules, functions = self._modules, self._functions

        def watched(*args: Any, **kwargs: Any) -> Any:
            if self._on and self._expected is None:  # as after a function, which cannot do it
                self._switch()
            place = len(made)
            is_next = modules[place] is module
            if is_next and not self._is_simple[place]:
                self._enter(module, args, kwargs)
            if direct is None or kwargs or len(args) != 1:
                output = forward(*args, **kwargs)
            else:
                try:
                    output = direct(args[0])
                except LookupError:
                    output = forward(*args)
            if is_next:
                if self._is_simple[place] and type(output) is Tensor:
                    made.append((output,))
                    taken.append(args if takes[place] else ())
                    following = functions[place + 1]
                    if following is not None:
                        self._expected = following
                        if not self._on:
                            self._switch()
                else:
                    self._left(module, args, kwargs, output)
            return output

        return watched

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        expected = self._expected
        if func is not expected and (expected is None or func != expected):
            return func(*args, **kwargs) if kwargs else func(*args)
        place = len(self._made)
        taken: Sequence[Tensor] = ()
        then: list[int] = []
        if self._is_simple[place]:
            result = func(*args, **kwargs) if kwargs else func(*args)
            if self._takes[place]:
                taken = args
            if type(result) is Tensor:
                self._made.append((result,))
                self._taken.append(taken)
                self._expected = self._functions[place + 1]
                return result
            kwargs = kwargs or {}
        else:
            kwargs = kwargs or {}
            taken, then = self._take(args, kwargs)
            if self._steps[place].is_apart:
                result = self._not_in_place(func, args, kwargs)
            else:
                result = func(*args, **kwargs)
        made = (result,) if type(result) is Tensor else tensors_in(result)
        if not made:  # as of an assignment to a slice
            made = mutated_tensors(described(func), args, kwargs)
        if made:
            self._note(made, taken, then)
        return result

    def _not_in_place(self, func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
        instead = not_in_place(func, kwargs)
        assert instead is not None, "a step that is apart can be"
        rest = {name: value for name, value in kwargs.items() if name != "inplace"}
        result = instead(*args, **rest)
        if self._looks is not None:
            self._looks.done_with(tensors_in((args, kwargs))[:1], len(self._made))
        return result

    def _enter(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        """A module is called; what it is given, it may write to."""
        place = len(self._made)
        if self._modules[place] is module:
            self._entered[place] = self._take(args, kwargs)

    def _left(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        """A module has returned; one that is called inside of a layer is part of the layer."""
        place = len(self._made)
        if self._modules[place] is not module:
            return
        if self._steps[place].is_apart and self._looks is not None:
            self._looks.done_with(tensors_in((args, kwargs))[:1], place)
        with torch._C.DisableTorchFunction():
            made = (output,) if type(output) is Tensor else tensors_in(output)
            if not made:
                return
            self._note(made, *(self._entered.pop(place, None) or self._take(args, kwargs)))
        self._switch()

    def _take(self, args: Any, kwargs: Any) -> tuple[Sequence[Tensor], list[int]]:
        """The operands of a call that no other step keeps, and the writes to them so far."""
        step = self._steps[len(self._made)]
        if not step.operands:
            return (), []
        every = tensors_in(args) + tensors_in(kwargs)
        taken = [every[number] for number in step.operands if number < len(every)]
        with torch._C.DisableTorchFunction():
            then = [self._writes.to(tensor) for tensor in taken] if self._writes else []
            return ([tensor.clone() for tensor in taken] if step.copies_taken else taken), then

    def _note(self, made: Sequence[Tensor], taken: Sequence[Tensor], then: list[int]) -> None:
        place = len(self._made)
        if self._writes is not None:
            with torch._C.DisableTorchFunction():
                self._written.append(([self._writes.to(tensor) for tensor in made], then))
        if self._steps[place].copies_made:
            with torch._C.DisableTorchFunction():
                made = [tensor.clone() for tensor in made]
        self._made.append(made)
        self._taken.append(taken)
        self._expected = self._functions[place + 1]

    def _switch(self) -> None:
        """Look at functions only where one is expected: it costs something at each of them."""
        wanted = self._expected is not None
        if wanted and not self._on:
            self.__enter__()  # type: ignore[no-untyped-call]
        elif self._on and not wanted:
            self.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        self._on = wanted

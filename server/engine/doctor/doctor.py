"""Why a forward failed, in one sentence, and the smallest changes after which it passes."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from torch import nn

from server.engine.doctor.case import Candidate, Case, Finding
from server.engine.doctor.diagnosis import Diagnosis, Ran, Repair
from server.engine.doctor.elements import elements_finding
from server.engine.doctor.inputs import STEPS, arranged, resized
from server.engine.doctor.joins import elementwise_finding, joining_finding, matmul_finding
from server.engine.doctor.layers import layer_finding
from server.engine.doctor.others import (
    attention_finding,
    embedding_finding,
    recurrent_finding,
    type_finding,
)
from server.engine.doctor.replay import Change, Event, Replay, UnsuitableChange, replay
from server.engine.doctor.upstream import earlier
from server.engine.example import Inputs
from server.engine.node import Node
from server.engine.operations import tensors_in
from server.engine.runnable import submodule

FINDINGS = (
    embedding_finding,
    recurrent_finding,
    attention_finding,
    layer_finding,
    elementwise_finding,
    joining_finding,
    matmul_finding,
    elements_finding,
    type_finding,
)
"""Each looks for one kind of mistake; the first that finds one tells."""

BUDGET = 20_000
"""Calls of modules and functions that may be made on the meta device to try what is not near at
hand: a second or two."""

REAL_BUDGET = 2_000
"""The same where the model runs really."""

NOT_OF_SPACE = frozenset({"in_channels", "num_features", "num_channels", "dtype"})
"""Parameters that no other image size, kernel or stride would have made fit."""

FIRST = 16
"""Changes of layers nearby that are tried before other sizes of the input."""

MOST_OF_ONE = 2
"""Values that are offered of one parameter."""

META = torch.device("meta")


def diagnose(
    model: nn.Module,
    inputs: Inputs,
    device: torch.device,
    nodes: Sequence[Node],
    cause: BaseException,
) -> Diagnosis:
    """What did not fit in a run that failed, and what would have.

    The model runs again, quietly, on the meta device if it stops there at the same call, else on
    its own; once for every change that is tried. It is left as it is.

    Args:
        model: whose forward raised.
        inputs: what it was given.
        device: where it raised.
        nodes: what ran before.
        cause: what it raised.
    """
    found = replay(model, inputs, device, keep=True)
    stopped = found.stopped
    if device != META and stopped is not None:
        shapes = replay(model, inputs, META, keep=True)
        if shapes.stopped is not None and shapes.stopped.place == stopped.place:
            found, stopped, device = shapes, shapes.stopped, META
    ran = tuple(Ran(node.name, node.kind, node.shape) for node in nodes) or _ran(found)
    error = _error(cause)
    line = _line(cause)
    if stopped is None:
        sentence = f"The model runs by itself, but not while it is traced: {error}"
        return Diagnosis(type(model).__name__, "", 0, None, sentence, (), error, line, (), ran)
    trials = Trials(model, inputs, device, stopped)
    case = Case(model, inputs, device, found, stopped, trials.passes)
    finding = next((told for look in FINDINGS if (told := look(case))), None)
    repairs = tuple(_repairs(case, finding, trials, cause))
    return Diagnosis(
        operation=case.operation,
        module_path=case.path,
        call=stopped.place.call,
        parameter=finding.parameter if finding else None,
        sentence=_sentence(case, finding, repairs, error),
        input_shapes=tuple(tuple(tensor.shape) for tensor in case.given),
        error=error,
        line=line,
        repairs=repairs,
        ran=ran,
    )


class Trials:
    """Runs of the model with changes."""

    def __init__(
        self, model: nn.Module, inputs: Inputs, device: torch.device, stopped: Event
    ) -> None:
        self._model = model
        self._inputs = inputs
        self._device = device
        self._place = stopped.place
        self._modules = sum(1 for _ in model.modules())
        self.left = BUDGET if device == META else REAL_BUDGET
        """How many calls may still be made to try what is far."""

    def run(self, changes: Iterable[Change]) -> Replay | None:
        """What happens with changes; None if they cannot be made."""
        try:
            found = replay(self._model, self._inputs, self._device, changes)
        except UnsuitableChange:
            return None
        self.left -= found.count + self._modules
        return found

    def affords(self, count: int) -> bool:
        """Whether there may be so many runs more of the whole model."""
        # Most modules call one function.
        return self.left > count * 2 * self._modules

    def passes(self, changes: tuple[Change, ...]) -> bool:
        """Whether the call that failed passes after changes."""
        found = self.run(changes)
        return found is not None and self._passed(found)

    def repair(self, candidate: Candidate) -> Repair | None:
        """A candidate as a repair, if it is one."""
        found = self.run(candidate.changes)
        if found is None or not self._passed(found):
            return None
        if candidate.only_if_complete and found.error is not None:
            return None
        return Repair(
            candidate.kind,
            candidate.module_path,
            candidate.parameter,
            candidate.value,
            candidate.description,
            found.error is None,
            self._where(found) if found.error is not None else None,
        )

    def _passed(self, found: Replay) -> bool:
        # A model that does not come to this call any more, but ends, passes as well.
        return self._place in found.passed or found.error is None

    def _where(self, found: Replay) -> str:
        last = found.last
        if last is None or not last.place.path:
            return f"later: {type(found.error).__name__}"
        kind = type(submodule(self._model, last.place.path)).__name__
        return f"in {last.place.path} ({kind})"


def _repairs(
    case: Case, finding: Finding | None, trials: Trials, cause: BaseException
) -> list[Repair]:
    """What helps: completely first, and what is near before what is far."""
    if isinstance(cause, RecursionError | MemoryError | SystemExit):
        return []
    found: list[tuple[int, Repair]] = []

    counts: dict[tuple[str, str, str], int] = {}

    def consider(candidates: Iterable[Candidate], far: bool) -> None:
        for candidate in candidates:
            key = candidate.kind, candidate.module_path, candidate.parameter
            if far and (trials.left <= 0 or counts.get(key, 0) >= MOST_OF_ONE):
                continue
            repair = trials.repair(candidate)
            same = [(one.kind, one.module_path, one.parameter, one.value) for _, one in found]
            if repair is not None and (*key, repair.value) not in same:
                found.append((candidate.cost, repair))
                counts[key] = counts.get(key, 0) + far

    consider(arranged(case), far=False)
    consider(finding.candidates if finding else (), far=False)
    spatial = finding is None or finding.parameter not in NOT_OF_SPACE
    further = earlier(case, finding, spatial) if finding else iter(())
    consider(itertools.islice(further, FIRST), far=True)
    if spatial:
        consider(_sizes(case, trials), far=True)
    consider(further, far=True)
    found.sort(key=lambda item: (not item[1].completes, item[0]))
    return [repair for _, repair in found]


def _sizes(case: Case, trials: Trials) -> Iterator[Candidate]:
    start = trials.left

    def complete(candidate: Candidate) -> bool:
        # Half of what there is: the layers before are to be tried as well.
        return trials.left > start // 2 and trials.repair(candidate) is not None

    yield from resized(case, complete, one_by_one=trials.affords(4 * STEPS))


def _sentence(case: Case, finding: Finding | None, repairs: Sequence[Repair], error: str) -> str:
    if finding is not None:
        text = f"{case.name} does not fit: {finding.fact}"
    elif case.given:
        shapes = " and ".join(str(list(tensor.shape)) for tensor in case.given)
        text = f"{case.name} was given {shapes} and raised {error.rstrip('.')}"
    else:
        text = f"{case.name} raised {error.rstrip('.')}"
    if repairs:
        text += f"; {repairs[0].description}"
    return f"{text}."


def _ran(found: Replay) -> tuple[Ran, ...]:
    """What ran in a run that no trace was made of."""
    return tuple(
        Ran(event.place.path, event.place.kind, tuple(made[0].shape))
        for event in found.events
        if event.error is None and (made := tensors_in(event.result))
    )


def _error(cause: BaseException) -> str:
    """The type of an error and the line that says what it is."""
    lines = str(cause).strip().splitlines() or [""]
    # TorchScript tells where it was before it tells what happened.
    line = lines[-1] if "TorchScript interpreter" in lines[0] else lines[0]
    name = type(cause).__name__
    return line if line.startswith(name) else f"{name}: {line}".removesuffix(": ")


def _line(cause: BaseException) -> str | None:
    """The innermost line outside of PyTorch and of this project's engine."""
    here, there = Path(__file__).parents[1], Path(torch.__file__).parent
    own: str | None = None
    for frame in traceback.extract_tb(cause.__traceback__):
        folder = Path(frame.filename)
        if here not in folder.parents and there not in folder.parents and frame.line:
            own = frame.line
    return own

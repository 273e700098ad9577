"""The forms that answer predictions: prepared while the server answers already, in eager PyTorch.

Each model's is exported once, in another process, and kept between two starts. Before it answers,
it is tried against eager PyTorch on the torch lane, a batch at a time.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Literal

import torch

from server.engine.forms import Batch, Form, FormBroken, FormName, Values
from server.engine.forms.cuda import Cuda
from server.engine.forms.identity import identity_of
from server.engine.forms.onnx_runtime import OnnxRuntime
from server.engine.forms.trial import CHECKED, TIMED, Choice, Trial
from server.errors import ClosingDown, Overloaded
from server.services.catalog import Model
from server.services.forms.cache import FormCache
from server.services.forms.export_process import Exported, ExportProcess, Wanted
from server.services.forms.inputs import trial_inputs
from server.services.lane import Lane

Mode = Literal["auto", "eager", "onnxruntime"]

WEIGHT_BYTES = 268_435_456
"""Models with more weights stay as they are: another form holds all of them once more."""

TRIAL_BYTES = 16_777_216
"""Of one input of a trial: for large pictures it has fewer of them."""

PAUSE = 0.5
"""Seconds to wait before a trial goes on when the lane is full; and at most, for one turn, while
requests queue."""

YIELDS = 10
"""How often within them to look whether none does."""

_LOG = logging.getLogger("doodlescope.forms")


class FastForms:
    """Finds the form that answers each model's predictions.

    Args:
        lane: runs the models.
        mode: ``auto`` chooses the fastest by measurement; ``onnxruntime`` takes that one wherever
            it is exact; ``eager`` does nothing.
        threads: for one operation.
        cache: keeps what was exported.
    """

    def __init__(self, lane: Lane, mode: Mode, threads: int, cache: FormCache) -> None:
        self._lane = lane
        self._mode = mode
        self._threads = threads
        self._cache = cache
        self._process: ExportProcess | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, models: Iterable[Model], done: Callable[[], None] = lambda: None) -> None:
        """Begin to prepare, beside everything else; ``done`` is called when all has been tried."""
        chosen = list(models)

        async def prepare() -> None:
            await self.prepare(chosen)
            done()

        self._task = asyncio.create_task(prepare())

    async def close(self) -> None:
        """Stop preparing."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._process is not None:
            await asyncio.to_thread(self._process.stop)

    async def prepare(self, models: Sequence[Model]) -> None:
        """Find each model's form, in order; what fails leaves a model as it is.

        What was kept comes first, then what has to be exported.
        """
        if self._mode == "eager":
            for model in models:
                model.answer_with(None, Choice("eager", (), "it was asked for"))
            return
        missing: list[tuple[Model, str]] = []
        with suppress(ClosingDown):
            for model in models:
                reason = why_eager(model)
                if reason:
                    self._stays(model, reason)
                    continue
                if model.device.type == "cuda":
                    if refusal := await self._refusal(model, functools.partial(_on_cuda, model)):
                        self._stays(model, refusal, is_broken=True)
                    continue
                key = await asyncio.to_thread(identity_of, model.module, model.input_shape)
                kept = await asyncio.to_thread(self._cache.get, key)
                if kept is None or await self._refusal(model, self._opening(kept)):
                    missing.append((model, key))
            async for model, key, exported in self._exported(missing):
                if not exported.model:
                    self._stays(model, exported.refusal, is_broken=exported.is_broken)
                elif refusal := await self._refusal(model, self._opening(exported.model)):
                    self._stays(model, refusal, is_broken=True)
                else:
                    await asyncio.to_thread(self._cache.put, key, exported.model)

    async def _exported(
        self, missing: Sequence[tuple[Model, str]]
    ) -> AsyncIterator[tuple[Model, str, Exported]]:
        """What was exported of each model, as it comes."""
        if not missing:
            return
        wanted = []
        for model, _ in missing:
            channels, height, width = model.input_shape
            assert model.source is not None, "it can be opened again"
            wanted.append(Wanted(model.source, (channels, height, width)))
        self._process = process = ExportProcess(wanted)
        results = process.results()
        try:
            for model, key in missing:
                yield model, key, await asyncio.to_thread(next, results)
        finally:
            await asyncio.to_thread(process.stop)

    def _opening(self, exported: bytes) -> Callable[[], Form]:
        """What makes the form of an exported model."""
        return functools.partial(OnnxRuntime, exported, self._threads)

    async def _refusal(self, model: Model, make: Callable[[], Form]) -> str:
        """Try a form, and let it answer where it is best.

        Returns:
            Why it is no form of the model; "" where it is one, whether it answers or not.
        """
        try:
            form = await asyncio.to_thread(make)
            choice = await self._tried(model, form)
        except (ClosingDown, asyncio.CancelledError):
            raise
        except FormBroken as error:
            return str(error)
        except Exception as error:  # of a stranger's forward, or of the lane
            return f"trying another form failed: {type(error).__name__}: {error}"
        if refusal := choice.of(form.name).refusal:
            return f"{form.name}: {refusal}"
        model.answer_with(form if choice.form == form.name else None, choice)
        _LOG.info("%s: %s", model.name, told(choice))
        return ""

    async def _tried(self, model: Model, form: Form) -> Choice:
        assert model.preparation is not None, "a model that takes no pictures has no form"
        channels, height, width = model.preparation.shape
        images = TRIAL_BYTES // (channels * height * width * 4)
        images = max(2, min(images, *CHECKED[-1:], *TIMED[-1:]))
        inputs = await asyncio.to_thread(trial_inputs, model.preparation, images)

        def answered(batch: Batch) -> Values:
            return model.logits_by(form, batch)

        trial = Trial(
            {"eager": model.logits_in_eager, form.name: answered},
            inputs,
            self._clock(model),
            timed=self._mode == "auto",
        )
        for turn in trial.turns():
            await self._in_turn(turn, model)
        return trial.choice()

    def _clock(self, model: Model) -> Callable[[], float]:
        """Of the lane alone where all work is done on it, whoever else keeps the machine busy."""
        is_alone = self._threads == 1 and model.device.type == "cpu"
        return time.thread_time if is_alone else time.perf_counter

    async def _in_turn(self, turn: Callable[[], None], model: Model) -> None:
        for _ in range(YIELDS):
            if not self._lane.queued:
                break
            await asyncio.sleep(PAUSE / YIELDS)
        while True:
            try:
                await self._lane.alone(turn, model)
            except Overloaded:
                await asyncio.sleep(PAUSE)
            else:
                return

    def _stays(self, model: Model, reason: str, *, is_broken: bool = False) -> None:
        """A model that eager PyTorch answers for; a warning where somebody expects something else.

        That is where something failed, and where ONNX Runtime was asked for.
        """
        model.answer_with(None, Choice("eager", (), reason))
        level = logging.WARNING if is_broken or self._mode == "onnxruntime" else logging.INFO
        _LOG.log(level, "%s: eager PyTorch answers predictions: %s", model.name, reason)


def why_eager(model: Model) -> str:
    """Why no other form of a model is looked for: a part of a sentence; "" where one is."""
    if model.is_live:
        return "it is a live module, and may change"
    if model.preparation is None:
        return "it takes no pictures"
    if model.silence:
        return "it makes no guesses"
    if model.device.type == "cuda":
        return ""
    if model.source is None:
        return "no other process can open it"
    tensors = (*model.module.parameters(), *model.module.buffers())
    other = [each.dtype for each in tensors if each.dtype not in _EXPORTED]
    if other:
        return f"it computes in {str(other[0]).removeprefix('torch.')}, not in float32"
    if sum(tensor.nbytes for tensor in tensors) > WEIGHT_BYTES:
        return f"its weights take more than {WEIGHT_BYTES >> 20} MiB"
    return ""


def _on_cuda(model: Model) -> Form:
    return Cuda(model.module, model.device, model.dtype)


_EXPORTED = frozenset({torch.float32, torch.int64, torch.int32, torch.bool, torch.uint8})
"""Weights of these types; others are of a model that computes in another type."""


def told(choice: Choice) -> str:
    """A choice as a line of the log."""
    measured = "; ".join(
        f"{each.form} "
        + ", ".join(f"{size}: {seconds * 1e3:.3g} ms" for size, seconds in each.seconds.items())
        for each in choice.figures
        if each.seconds
    )
    difference = max(each.difference for each in choice.figures)
    return (
        f"{choice.form} answers predictions: {choice.reason} "
        f"({f'batches of {measured}; ' if measured else ''}"
        f"largest difference of a logit {difference:.1e})"
    )


_NAMES: dict[FormName, str] = {
    "eager": "in eager PyTorch",
    "onnxruntime": "in ONNX Runtime",
    "cuda": "on a stream of the GPU",
}


def summary(models: Iterable[Model]) -> str:
    """What answers predictions, in a line for the person who started the server."""
    every = list(models)
    fast = [model for model in every if model.form is not None]
    if not fast:
        return "Predictions run in eager PyTorch."
    eager = f", {len(every) - len(fast)} in eager PyTorch" if len(fast) < len(every) else ""
    first = fast[0]
    return (
        f"Predictions of {len(fast)} {'network' if len(fast) == 1 else 'networks'} run "
        f"{_NAMES[first.choice.form]}{eager}. {first.title}: {first.choice.reason}."
    )

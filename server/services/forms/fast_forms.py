"""The forms that answer predictions: prepared while the server answers already, in eager PyTorch.

Each model's is exported once, in another process, and kept between two starts. Before it answers,
it is tried against eager PyTorch on the torch lane, a batch at a time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Literal

from server.engine.forms import Batch, Form, NotExact, Values
from server.engine.forms.form import FormName
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

PAUSE = 0.5
"""Seconds to wait before a trial goes on when the lane is full."""

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
        """Find each model's form, in order; what fails leaves a model as it is."""
        if self._mode == "eager":
            return
        try:
            missing: list[tuple[Model, str]] = []
            for model in models:
                reason = why_eager(model)
                if reason:
                    _LOG.info("%s: eager PyTorch answers predictions: %s", model.name, reason)
                    continue
                key = await asyncio.to_thread(_identity, model)
                kept = await asyncio.to_thread(self._cache.get, key)
                if kept is None or not await self._answer(model, kept, is_kept=True):
                    missing.append((model, key))
            async for (model, key), exported in self._exported(missing):
                if not exported.model:
                    _stays(model, exported.refusal)
                elif await self._answer(model, exported.model):
                    await asyncio.to_thread(self._cache.put, key, exported.model)
        except ClosingDown:
            return
        except Exception:
            _LOG.warning("Preparing faster forms failed; eager PyTorch answers", exc_info=True)

    async def _exported(
        self, missing: Sequence[tuple[Model, str]]
    ) -> AsyncIterator[tuple[tuple[Model, str], Exported]]:
        """What was exported of each model, as it comes."""
        wanted = []
        for model, _ in missing:
            assert model.source is not None, "it can be opened again"
            wanted.append(Wanted(model.source, model.input_shape))
        if not wanted:
            return
        self._process = process = ExportProcess(wanted)
        results = process.results()
        try:
            for each in missing:
                yield each, await asyncio.to_thread(next, results)
        finally:
            await asyncio.to_thread(process.stop)

    async def _answer(self, model: Model, exported: bytes, *, is_kept: bool = False) -> bool:
        """Try what was exported, and let it answer where it is best; False: it is no form of it."""
        try:
            form = await asyncio.to_thread(OnnxRuntime, exported, self._threads)
            choice = await self._tried(model, form)
        except NotExact as error:
            if not is_kept:
                _stays(model, str(error))
            return False
        refusal = choice.of(form.name).refusal
        if refusal:
            if not is_kept:
                _stays(model, refusal)
            return False
        if choice.form == form.name:
            model.answer_with(form)
        _LOG.info("%s: %s", model.name, told(choice))
        return True

    async def _tried(self, model: Model, form: Form) -> Choice[FormName]:
        assert model.preparation is not None, "a model that takes no pictures has no form"
        inputs = await asyncio.to_thread(trial_inputs, model.preparation, max(*CHECKED, *TIMED))

        def answered(batch: Batch) -> Values:
            return model.logits_by(form, batch)

        trial: Trial[FormName] = Trial(
            {"eager": model.logits_in_eager, form.name: answered},
            inputs,
            # With one thread all work is the lane's own, whoever else keeps the machine busy.
            time.thread_time if self._threads == 1 else time.perf_counter,
            timed=self._mode == "auto",
        )
        for turn in trial.turns():
            await self._in_turn(turn, model)
        return trial.choice()

    async def _in_turn(self, turn: Callable[[], None], model: Model) -> None:
        while True:
            try:
                await self._lane.alone(turn, model)
            except Overloaded:
                await asyncio.sleep(PAUSE)
            else:
                return


def why_eager(model: Model) -> str:
    """Why no other form of a model is looked for: a part of a sentence; "" where one is."""
    if model.is_live:
        return "it is a live module, and may change"
    if model.preparation is None or model.silence:
        return "it takes no pictures, or makes no guesses"
    if model.source is None:
        return "no other process can open it"
    tensors = (*model.module.parameters(), *model.module.buffers())
    if any(str(tensor.dtype) in OTHER_TYPES for tensor in tensors):
        return "it computes in another type than float32"
    if model.device.type != "cpu":
        return f"it runs on {model.device.type}"
    if sum(tensor.nbytes for tensor in tensors) > WEIGHT_BYTES:
        return f"its weights take more than {WEIGHT_BYTES >> 20} MiB"
    return ""


OTHER_TYPES = frozenset(
    {"torch.float64", "torch.float16", "torch.bfloat16", "torch.complex64", "torch.complex128"}
)


def told(choice: Choice[FormName]) -> str:
    """A choice as a line of the log."""
    measured = "; ".join(
        f"{each.form} "
        + ", ".join(f"{size}: {seconds * 1e3:.3g} ms" for size, seconds in each.seconds.items())
        for each in choice.figures
        if each.seconds
    )
    difference = max(each.difference for each in choice.figures)
    return (
        f"{choice.form} answers predictions: {choice.reason} (batches of {measured}; "
        f"largest difference of a logit {difference:.1e})"
    )


def _stays(model: Model, reason: str) -> None:
    _LOG.warning("%s: eager PyTorch answers predictions: %s", model.name, reason)


def _identity(model: Model) -> str:
    return identity_of(model.module, model.input_shape)

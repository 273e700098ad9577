"""Whose turn it is: live drawers are answered round by round, each with its newest state.

A drawer waits in a line once, however often the drawing changes meanwhile: what is answered is the
state that it has when its turn comes. Those who want guesses only share batches. Those who watch
layers are run one by one, and only one of them is with the lane at a time: between two of them it
comes to whatever else waits, so that heavy networks hold nobody up for longer than one run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, get_args

from server.engine.encode import encode_maps
from server.errors import InvalidInput, Problem
from server.schemas.live import LivePrediction
from server.services.catalog import Catalog, Model
from server.services.inference import Inference, Question
from server.services.inspections import Inspections, KeptInspection
from server.services.layers import describe_inspection
from server.services.live_session import Asked, LiveAnswer, Seat
from server.services.model_inputs import of_drawing

Outcome = Literal["answered", "dropped", "refused"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
Observer = Callable[[Outcome, int], None]
"""Is told how many states were answered, dropped for newer ones, or refused."""

FRAME_BYTES = 262_144
"""Layers share a binary message up to so many bytes; a larger layer has one of its own."""

PREDICTING = 4
"""So many groups are rendered or with the lane at once; it joins what it finds into one batch."""
_AT_ONCE_DRAWINGS, _AT_ONCE_POINTS = 4, 1_000
"""More than these are rendered beside the event loop, so that others do not wait for it."""

_LOG = logging.getLogger(__name__)


class Turns:
    """The lines of those who wait, and the tasks that work them off.

    Args:
        catalog: where the models are.
        inference: answers batches.
        inspections: makes and keeps what is watched.
        current: gives the model as it is now.
        batch_images: most drawings in one batch.
        observer: is told how states end.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        inference: Inference,
        inspections: Inspections,
        current: Callable[[Model], Awaitable[Model]],
        batch_images: int,
        observer: Observer,
    ) -> None:
        self._catalog = catalog
        self._inference = inference
        self._inspections = inspections
        self._current = current
        self._batch_images = batch_images
        self._observer = observer
        self._predicting: asyncio.Queue[Seat] = asyncio.Queue()
        self._inspecting: asyncio.Queue[Seat] = asyncio.Queue()
        self._encoding = asyncio.Semaphore(1)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start to work the lines off."""
        works = [*(self._predict for _ in range(PREDICTING)), self._inspect]
        self._tasks = [asyncio.create_task(work()) for work in works]

    async def close(self) -> None:
        """Stop; who waits is not answered any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def ask(self, seat: Seat) -> None:
        """The state of a seat has changed: answer it in its turn."""
        if seat.changes:
            self._observer("dropped", 1)  # the one that this is newer than
        seat.changes = 1
        self._wait(seat)

    def finished(self, seat: Seat, answer: LiveAnswer) -> None:
        """The answer has been sent, and the client is ready for the next one."""
        if answer.problem is None:
            self._observer("answered", 1)
        seat.state = "idle"
        if seat.changes:
            self._wait(seat)

    def leave(self, seat: Seat) -> None:
        """Nobody waits for answers there any more."""
        seat.closed = True
        unanswered = seat.changes + (seat.state == "answering")
        if unanswered:
            self._observer("dropped", unanswered)

    async def frame(self, answer: LiveAnswer, layers: Sequence[str]) -> bytes:
        """The atlas of some layers of an answer; its header has ``sequence`` beside ``inspection``.

        Raises:
            Gone: the inspection is not kept any more.
        """
        kept = self._inspections.get(answer.inspection)
        about = {"inspection": kept.id, "sequence": answer.sequence}
        maps = {name: (kept.layers[name].maps, kept.layers[name].extent) for name in layers}
        async with self._encoding:
            return await asyncio.to_thread(encode_maps, about, maps)

    def _wait(self, seat: Seat) -> None:
        if seat.state == "idle":
            seat.state = "waiting"
            self._line(seat).put_nowait(seat)

    def _line(self, seat: Seat) -> asyncio.Queue[Seat]:
        return self._inspecting if seat.session.watched.inspects else self._predicting

    async def _predict(self) -> None:
        line = self._predicting
        while True:
            seats = [await line.get()]
            while len(seats) < self._batch_images and not line.empty():
                seats.append(line.get_nowait())
            await self._answer(line, seats, self._guess)

    async def _inspect(self) -> None:
        line = self._inspecting
        while True:
            await self._answer(line, [await line.get()], self._look)

    async def _answer(
        self,
        line: asyncio.Queue[Seat],
        seats: Sequence[Seat],
        work: Callable[[Sequence[tuple[Seat, Asked, Model]]], Awaitable[None]],
    ) -> None:
        """Answer the seats of a line, whatever goes wrong."""
        taken: list[tuple[Seat, Asked, Model]] = []
        for seat in seats:
            if seat.closed:
                continue
            if self._line(seat) is not line:  # it has begun or ceased to watch
                self._line(seat).put_nowait(seat)
                continue
            asked = seat.take()
            try:
                if asked.drawing.points:
                    seat.allow()
                model = await self._current(self._catalog.get(seat.session.model))
                if asked.drawing.points:
                    taken.append((seat, asked, model))
                else:
                    seat.put(LiveAnswer(asked.sequence, _message(asked, model)))
            except Exception as error:
                self._refuse(seat, asked, error)
        if not taken:
            return
        try:
            await work(taken)
        except Exception as error:
            for seat, asked, _ in taken:
                self._refuse(seat, asked, error)

    def _refuse(self, seat: Seat, asked: Asked, error: Exception) -> None:
        self._observer("refused", 1)
        if not isinstance(error, Problem):
            _LOG.error("A live session could not be answered.", exc_info=error)
            error = Problem("Something went wrong on the server; the log has it.")
        seat.put(LiveAnswer(asked.sequence, problem=error))

    async def _guess(self, taken: Sequence[tuple[Seat, Asked, Model]]) -> None:
        points = sum(asked.drawing.points for _, asked, _ in taken)
        if len(taken) > _AT_ONCE_DRAWINGS or points > _AT_ONCE_POINTS:
            prepared = await asyncio.to_thread(self._questions, taken)
        else:
            prepared = self._questions(taken)
        asking: list[tuple[Seat, Asked, Question]] = []
        for (seat, asked, _), question in zip(taken, prepared, strict=True):
            if isinstance(question, Question):
                asking.append((seat, asked, question))
            else:
                self._refuse(seat, asked, question)
        if not asking:
            return
        try:
            predictions = await self._inference.predict([question for _, _, question in asking])
        except Exception as error:
            for seat, asked, _ in asking:
                self._refuse(seat, asked, error)
            return
        for (seat, asked, question), prediction in zip(asking, predictions, strict=True):
            message = _message(asked, question.model, predictions=prediction.predictions)
            seat.put(LiveAnswer(asked.sequence, message))

    def _questions(self, taken: Sequence[tuple[Seat, Asked, Model]]) -> list[Question | Exception]:
        """What each seat asks; where it cannot be asked, why."""
        questions: list[Question | Exception] = []
        for seat, asked, model in taken:
            try:
                questions.append(_question(seat, asked, model))
            except Exception as error:
                questions.append(error)
        return questions

    async def _look(self, taken: Sequence[tuple[Seat, Asked, Model]]) -> None:
        for seat, asked, model in taken:
            question = await asyncio.to_thread(_question, seat, asked, model)
            kept, _ = await self._inspections.create(model, question.input)
            answer = await asyncio.to_thread(_looked, kept, asked, seat)
            seat.put(answer)
            layers = {name for frame in answer.frames for name in frame}
            before = seat.sent[1] if seat.sent[0] == kept.id else frozenset()
            seat.sent = (kept.id, before | layers)


def _question(seat: Seat, asked: Asked, model: Model) -> Question:
    drawing = asked.drawing.drawing
    assert drawing is not None, "a drawing without points is not asked about"
    if model.silence and not asked.watched.inspects:
        raise InvalidInput(
            f"{model.title} makes no guesses; watch its layers. {model.silence}",
            pointer="model",
            value=model.name,
        )
    return Question(model, of_drawing(model, drawing, "/changes"), seat.session.top_k)


def _looked(kept: KeptInspection, asked: Asked, seat: Seat) -> LiveAnswer:
    """The answer from an inspection, with the maps that its client does not have yet."""
    manifest = describe_inspection(kept, seat.session.top_k)
    has = seat.sent[1] if seat.sent[0] == kept.id else frozenset()
    layers = [name for name in asked.watched.layers if name in kept.layers and name not in has]
    frames = _shared_out(kept, layers)
    message = _message(
        asked,
        kept.model,
        predictions=manifest.predictions,
        inspection=kept.id,
        layers=layers,
        frames=len(frames),
        **({"manifest": manifest} if asked.watched.manifest else {}),
    )
    return LiveAnswer(asked.sequence, message, inspection=kept.id, frames=frames)


def _shared_out(kept: KeptInspection, layers: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The layers of each binary message."""
    frames: list[list[str]] = []
    room = 0
    for name in layers:
        size = kept.layers[name].maps.size  # one byte a value
        if not frames or size > room:
            frames.append([])
            room = FRAME_BYTES
        frames[-1].append(name)
        room -= size
    return tuple(map(tuple, frames))


def _message(asked: Asked, model: Model, **members: object) -> bytes:
    answer = LivePrediction.model_validate(
        {"type": "prediction", "sequence": asked.sequence}
        | {"model": model.name, "version": model.version, "predictions": []}
        | members
    )
    return answer.model_dump_json(exclude_unset=True).encode()

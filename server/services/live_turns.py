"""Whose turn it is: live drawers are answered round by round, each with its newest state.

A drawer waits once in the line for guesses and, where layers are watched, once in the line for
layers, however often the drawing changes meanwhile: what is answered is the state that it has when
its turn comes. Guesses share batches, those of everybody. Layers come from one run for each drawer,
one after another. The two kinds share the time of the lane (``live_shares``), so that neither
waits for the other to have nothing to do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, get_args

from server.engine.encode import encode_maps
from server.errors import Problem
from server.services.catalog import Catalog, Model
from server.services.inference import Inference, Question
from server.services.inspections import Inspections
from server.services.lane import Lane, Visit
from server.services.live_answers import guessed, looked, question_of
from server.services.live_session import Asked, LiveAnswer, Seat
from server.services.live_shares import AT_ONCE, KINDS, Kind, LiveShares

Outcome = Literal["answered", "dropped", "refused"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
Observer = Callable[[Kind, Outcome, int], None]
"""Is told how many states were answered, dropped for newer ones, or refused."""

LOOKING = 3
"""So many inspections are made at once: while one is with the lane, others are rendered before it
and described after it."""
_AT_ONCE_DRAWINGS, _AT_ONCE_POINTS = 4, 1_000
"""More than these are rendered beside the event loop, so that others do not wait for it."""

_LOG = logging.getLogger(__name__)


class Turns:
    """The lines of those who wait, and the tasks that work them off.

    Args:
        catalog: where the models are.
        lane: where they run.
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
        lane: Lane,
        inference: Inference,
        inspections: Inspections,
        current: Callable[[Model], Awaitable[Model]],
        batch_images: int,
        observer: Observer,
    ) -> None:
        self._catalog = catalog
        self._lane = lane
        self._inference = inference
        self._inspections = inspections
        self._current = current
        self._batch_images = batch_images
        self._observer = observer
        self._shares = LiveShares()
        self._lines: dict[Kind, asyncio.Queue[Seat]] = {kind: asyncio.Queue() for kind in KINDS}
        self._encoding = asyncio.Semaphore(1)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start to work the lines off."""
        works = [self._guess] * AT_ONCE["guesses"] + [self._look] * LOOKING
        self._tasks = [asyncio.create_task(work()) for work in works]

    async def close(self) -> None:
        """Stop; who waits is not answered any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def ask(self, seat: Seat) -> None:
        """The state of a seat has changed: answer it in its turns."""
        session = seat.session
        looks = session.watched.inspects and session.drawing.points > 0
        # A network that makes no guesses says so, unless there is something else to see of it.
        if not (looks and self._catalog.get(session.model).silence):
            self._changed(seat, "guesses")
        if looks:
            self._changed(seat, "layers")

    def look(self, seat: Seat) -> None:
        """Something else is watched there: answer the same state, where there is one."""
        if seat.session.watched.inspects and seat.session.drawing.points:
            self._changed(seat, "layers")

    def finished(self, seat: Seat, answer: LiveAnswer) -> None:
        """The answer has been sent, and the client is ready for the next one of its kind."""
        if answer.problem is None:
            self._observer(answer.kind, "answered", 1)
        self._go_on(seat, answer.kind)

    def leave(self, seat: Seat) -> None:
        """Nobody waits for answers there any more."""
        seat.closed = True
        for kind, place in seat.places.items():
            if place.unanswered:
                self._observer(kind, "dropped", place.unanswered)

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

    def _changed(self, seat: Seat, kind: Kind) -> None:
        place = seat.places[kind]
        if place.changes:
            self._observer(kind, "dropped", 1)  # the one that this is newer than
        place.changes = 1
        if place.state == "idle":
            self._wait(seat, kind)

    def _wait(self, seat: Seat, kind: Kind) -> None:
        seat.places[kind].state = "waiting"
        self._lines[kind].put_nowait(seat)

    def _go_on(self, seat: Seat, kind: Kind) -> None:
        place = seat.places[kind]
        place.state = "idle"
        if place.changes:
            self._wait(seat, kind)

    async def _guess(self) -> None:
        """Work the line for guesses off, a batch at a time."""
        line = self._lines["guesses"]
        while True:
            seats = [await line.get()]
            async with self._shares.turn("guesses") as visited:
                while len(seats) < self._batch_images and not line.empty():
                    seats.append(line.get_nowait())
                taken = [each for seat in seats if (each := await self._taken(seat, "guesses"))]
                try:
                    await self._predict(taken, visited)
                except Exception as error:
                    for seat, asked, _ in taken:
                        self._refuse(seat, "guesses", asked, error)

    async def _look(self) -> None:
        """Work the line for layers off, one after another."""
        while True:
            seat = await self._lines["layers"].get()
            taken = await self._taken(seat, "layers")
            if taken is None:
                continue
            try:
                await self._inspect(*taken)
            except Exception as error:
                self._refuse(seat, "layers", taken[1], error)

    async def _taken(self, seat: Seat, kind: Kind) -> tuple[Seat, Asked, Model] | None:
        """The newest state of a seat, to be run; None: it is answered, or nobody wants it."""
        if seat.closed:
            return None
        asked = seat.take(kind)
        if kind == "layers" and not (asked.watched.inspects and asked.drawing.points):
            self._observer(kind, "dropped", 1)  # it has ceased to watch, or cleared the drawing
            self._go_on(seat, kind)
            return None
        try:
            if asked.drawing.points:
                seat.allow(kind, asked.sequence)
            model = await self._current(self._catalog.get(seat.session.model))
        except Exception as error:
            self._refuse(seat, kind, asked, error)
            return None
        if asked.drawing.points:
            return seat, asked, model
        seat.put(guessed(asked, model, []))
        return None

    def _refuse(self, seat: Seat, kind: Kind, asked: Asked, error: Exception) -> None:
        self._observer(kind, "refused", 1)
        if not isinstance(error, Problem):
            _LOG.error("A live session could not be answered.", exc_info=error)
            error = Problem("Something went wrong on the server; the log has it.")
        if kind == "guesses" and asked.watched.inspects:
            self._go_on(seat, kind)  # the inspection will tell
        else:
            seat.put(LiveAnswer(kind, asked.sequence, problem=error))

    async def _predict(
        self, taken: Sequence[tuple[Seat, Asked, Model]], visited: Callable[[Visit], None]
    ) -> None:
        points = sum(asked.drawing.points for _, asked, _ in taken)
        if len(taken) > _AT_ONCE_DRAWINGS or points > _AT_ONCE_POINTS:
            prepared = await asyncio.to_thread(_questions, taken)
        else:
            prepared = _questions(taken)
        asking: list[tuple[Seat, Asked, Question]] = []
        for (seat, asked, _), question in zip(taken, prepared, strict=True):
            if isinstance(question, Question):
                asking.append((seat, asked, question))
            else:
                self._refuse(seat, "guesses", asked, question)
        if not asking:
            return
        try:
            questions = [question for _, _, question in asking]
            predictions = await self._inference.predict(questions, visited)
        except Exception as error:
            for seat, asked, _ in asking:
                self._refuse(seat, "guesses", asked, error)
            return
        for (seat, asked, question), prediction in zip(asking, predictions, strict=True):
            seat.put(guessed(asked, question.model, prediction.predictions, prediction.unknown))

    async def _inspect(self, seat: Seat, asked: Asked, model: Model) -> None:
        question = await asyncio.to_thread(question_of, seat, asked, model)
        kept, _ = await self._inspections.create(model, question.input, self._forward)
        answer = await asyncio.to_thread(looked, kept, asked, seat)
        seat.put(answer)
        layers = {name for frame in answer.frames for name in frame}
        before = seat.sent[1] if seat.sent[0] == kept.id else frozenset()
        seat.sent = (kept.id, before | layers)

    async def _forward(self, run: Callable[[], Any], model: Model) -> Any:
        """Run an inspection's forward pass when it is the turn of layers."""
        async with self._shares.turn("layers") as visited:
            return await self._lane.forward(run, model, visited)


def _questions(taken: Sequence[tuple[Seat, Asked, Model]]) -> list[Question | Exception]:
    """What each seat asks; where it cannot be asked, why."""
    questions: list[Question | Exception] = []
    for seat, asked, model in taken:
        try:
            questions.append(question_of(seat, asked, model))
        except Exception as error:
            questions.append(error)
    return questions

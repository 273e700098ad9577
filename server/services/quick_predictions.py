"""Predictions without a task or a schema for each: usual bodies in, JSON out."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson

from server.services.catalog import Catalog
from server.services.lane import Lane
from server.services.lane_job import Job
from server.services.likeliest import ranked
from server.services.quick_json import read_levels, read_strokes
from server.services.quick_reader import QuickQuestion, QuickReader
from server.settings import Settings


def warm_up() -> None:
    """Read and rank once, so that both are compiled before the first request comes."""
    levels, strokes = np.frombuffer(b"[0]\0", np.uint8), np.frombuffer(b"[[[0],[0]]]", np.uint8)
    read_levels(levels, 0, np.empty(1, np.uint8))
    read_strokes(strokes, 0, np.empty((4, 2)), np.empty(4, np.int64), (1, 1, 1), 1.0)
    ranked(np.zeros(2, np.float32), 1)


class QuickPredictions:
    """Answers as ``Inference`` does, in the same batches.

    Nobody awaits here: who asks is called when the job is done, in the event loop, and withdraws
    it when whoever wanted to know has gone. Made in the event loop that it answers in.
    """

    def __init__(self, catalog: Catalog, lane: Lane, limits: Settings) -> None:
        self._lane = lane
        self._loop = asyncio.get_running_loop()  # once: Python asks the system for it
        self._reader = QuickReader(catalog, limits)
        self.most_bytes = self._reader.most_bytes
        """Most bytes of a body that is read here."""

    def read(self, body: bytes) -> QuickQuestion | None:
        """What a body of JSON asks; None: the ordinary route is to read it.

        Raises:
            Overloaded, ClosingDown: it could not be queued, so that reading is no use.
        """
        self._lane.check_room()
        return self._reader.read(body)

    def ask(self, question: QuickQuestion, done: Callable[[Job], None]) -> Job:
        """Queue a question; ``done`` is called with its job.

        Raises:
            Overloaded, ClosingDown: and whatever else the lane refuses a job with.
        """
        job = Job(question.model.logits, question.image, 1, True, self._loop, done)
        self._lane.submit(job)
        return job

    def withdraw(self, job: Job) -> None:
        """Let go of a question, whose asker has gone."""
        self._lane.withdraw(job)

    def note_failed(self, error: BaseException) -> None:
        """Log why a question failed; where its request is known."""
        self._lane.note_failed(error)

    def answer(self, question: QuickQuestion, job: Job) -> bytes | None:
        """The answer of a job that is done, as JSON; None: it failed, or gave no numbers."""
        if job.error is not None:
            return None
        self._lane.note_answered(job)
        model = question.model
        logits = job.result[0]
        best, probabilities = ranked(logits, question.top_k)
        if not math.isfinite(probabilities[0]) or not math.isfinite(logits[best[-1]]):
            return None
        labels = model.categories
        guesses = [
            {"label": labels[index], "probability": probability, "logit": float(logits[index])}
            for index, probability in zip(best, probabilities, strict=True)
        ]
        answer: dict[str, Any] = {
            "model": model.name,
            "version": model.version,
            "predictions": guesses,
        }
        if model.unknown is not None:
            answer["unknown"] = model.unknown.is_unknown(logits, probabilities[0])
        return orjson.dumps(answer)

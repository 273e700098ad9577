"""Predictions: prepared inputs through the torch lane, and logits as guesses."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.errors import InvalidInput, LimitExceeded, NotFinite
from server.schemas.predictions import Guess, Prediction
from server.services.catalog import Model
from server.services.inputs import NetworkInput
from server.services.lane import Lane, Visit
from server.services.likeliest import ranked

USUAL_TOP_K = 5
"""So many guesses are given where nobody says how many; all of them where there are fewer."""


@dataclass(frozen=True, eq=False)
class Question:
    """One input, and who answers with how many guesses."""

    model: Model
    input: NetworkInput
    top_k: int


class Inference:
    """Answers what drawings and pictures show."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def predict(
        self, questions: Sequence[Question], visited: Callable[[Visit], None] | None = None
    ) -> list[Prediction]:
        """A prediction for each question, in order; ``visited`` is told of each run.

        Raises:
            InvalidInput: a model that makes no guesses.
            Overloaded: too much is waiting for the network.
        """
        for question in questions:
            if question.model.silence:
                raise InvalidInput(
                    f"{question.model.title} makes no guesses; an inspection shows its layers. "
                    f"{question.model.silence}",
                    pointer="model",
                    value=question.model.name,
                )
        rows: dict[int, NDArray[np.float32]] = {}
        for number, question in enumerate(questions):
            if question.input.tensors is not None:
                run = functools.partial(_logits_of, question)
                rows[number] = await self._lane.forward(run, question.model, visited)
        pictured = [n for n in range(len(questions)) if n not in rows]
        for model in {questions[n].model for n in pictured}:
            chosen = [n for n in pictured if questions[n].model is model]
            images = np.stack([questions[n].input.pixels for n in chosen])
            logits = await self._lane.batched(model.logits, images, len(images), visited=visited)
            rows.update(zip(chosen, logits, strict=True))
        return [_prediction(question, rows[n]) for n, question in enumerate(questions)]


def check_top_k(model: Model, top_k: int, limit: int, pointer: str) -> None:
    """Raise LimitExceeded above ``limit`` or the number of categories, InvalidInput below 1.

    ``USUAL_TOP_K`` is what nobody has to say, so it is right for models with fewer categories too.
    """
    limit = min(limit, max(len(model.categories), USUAL_TOP_K))
    if top_k > limit:
        raise LimitExceeded(
            f"top_k is {top_k}; at most {limit} guesses are given.",
            pointer=pointer,
            value=top_k,
            limit=limit,
        )
    if top_k < 1:
        raise InvalidInput("top_k is at least 1.", pointer=pointer, value=top_k)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities of logits (K,), in float64; they add up to 1."""
    powers = np.exp(logits.astype(np.float64) - logits.max())
    shares: NDArray[np.float64] = powers / powers.sum()
    return shares


def entropy(probabilities: NDArray[np.float64]) -> float:
    """Shannon entropy in nats: 0 for certainty, log(K) for no idea at all."""
    some = probabilities[probabilities > 0]
    return float(max(0.0, -np.sum(some * np.log(some))))


def guesses(categories: Sequence[str], logits: NDArray[np.float32], top_k: int) -> list[Guess]:
    """The ``top_k`` likeliest categories, the likeliest first; equal ones in their own order.

    Raises:
        NotFinite: NaN or infinity among the logits, of which softmax makes no probabilities; minus
            infinity may be there for categories that are not among the likeliest.
    """
    best, probabilities = ranked(logits, top_k)
    if not np.isfinite(probabilities).all() or not np.isfinite(logits[best]).all():
        raise NotFinite(
            f"{len(logits) - np.isfinite(logits).sum()} of {len(logits)} logits are NaN or "
            "infinite, so there are no probabilities; an inspection shows where that begins.",
            pointer="",
        )
    return [
        Guess(label=categories[index], probability=probability, logit=float(logits[index]))
        for index, probability in zip(best, probabilities, strict=True)
    ]


def is_unknown(model: Model, logits: NDArray[np.float32], best: Sequence[Guess]) -> bool | None:
    """Whether logits (K,) with these guesses are of nothing that a model knows.

    None: there are no guesses, or nobody has measured when it does not know.
    """
    if model.unknown is None or not best:
        return None
    return model.unknown.is_unknown(logits, best[0].probability)


def _logits_of(question: Question) -> NDArray[np.float32]:
    """The logits (K,) of an example; on the torch lane."""
    logits = question.model.logits_of(question.input)
    assert logits is not None, "a model without logits is asked for no guesses"
    return logits


def _prediction(question: Question, logits: NDArray[np.float32]) -> Prediction:
    model = question.model
    best = guesses(model.categories, logits, question.top_k)
    answer = Prediction(model=model.name, version=model.version, predictions=best)
    unknown = is_unknown(model, logits, best)
    if unknown is not None:
        answer.unknown = unknown
    if question.input.preprocessing.source not in ("strokes", "bitmap"):
        answer.preprocessing = question.input.preprocessing
    return answer

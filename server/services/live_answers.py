"""What is asked for the state of a live drawing, and the messages that answer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from server.errors import InvalidInput
from server.schemas.live import LiveInspection, LivePrediction
from server.schemas.predictions import Guess
from server.services.catalog import Model
from server.services.inference import Question
from server.services.inspections import KeptInspection
from server.services.layers import describe_inspection, guesses_of, is_unknown_of
from server.services.live_session import Asked, LiveAnswer, Seat
from server.services.model_inputs import of_drawing

FRAME_BYTES = 262_144
"""Layers share a binary message up to so many bytes; a larger layer has one of its own."""

Answer = TypeVar("Answer", LivePrediction, LiveInspection)


def question_of(seat: Seat, asked: Asked, model: Model) -> Question:
    """The drawing as the network takes it.

    Raises:
        InvalidInput: a network that makes no guesses, where no layers are watched.
    """
    drawing = asked.drawing.drawing
    assert drawing is not None, "a drawing without points is not asked about"
    if model.silence and not asked.watched.inspects:
        raise InvalidInput(
            f"{model.title} makes no guesses; watch its layers. {model.silence}",
            pointer="model",
            value=model.name,
        )
    return Question(model, of_drawing(model, drawing, "/changes"), seat.session.top_k)


def guessed(
    asked: Asked, model: Model, predictions: Sequence[Guess], unknown: bool | None = None
) -> LiveAnswer:
    """The guesses for a state, and whether the model knows it, where that can be said."""
    message = _message(LivePrediction, asked, model, **_members(predictions, unknown))
    return LiveAnswer("guesses", asked.sequence, message)


def looked(kept: KeptInspection, asked: Asked, seat: Seat) -> LiveAnswer:
    """The inspection of a state, with the maps that its client does not have yet."""
    top_k = seat.session.top_k
    manifest = describe_inspection(kept, top_k) if asked.watched.manifest else None
    has = seat.sent[1] if seat.sent[0] == kept.id else frozenset()
    layers = [name for name in asked.watched.layers if name in kept.layers and name not in has]
    frames = _shared_out(kept, layers)
    message = _message(
        LiveInspection,
        asked,
        kept.model,
        inspection=kept.id,
        layers=layers,
        frames=len(frames),
        **({"manifest": manifest} if manifest else _guesses(kept, top_k)),
    )
    return LiveAnswer("layers", asked.sequence, message, inspection=kept.id, frames=frames)


def _guesses(kept: KeptInspection, top_k: int) -> dict[str, object]:
    predictions = guesses_of(kept, top_k)
    return _members(predictions, is_unknown_of(kept, predictions))


def _members(predictions: Sequence[Guess], unknown: bool | None) -> dict[str, object]:
    return {"predictions": predictions} | ({} if unknown is None else {"unknown": unknown})


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


def _message(kind: type[Answer], asked: Asked, model: Model, **members: object) -> bytes:
    answer = kind.model_validate(
        {"type": kind.model_fields["type"].default, "sequence": asked.sequence}
        | {"model": model.name, "version": model.version}
        | members
    )
    return answer.model_dump_json(exclude_unset=True).encode()

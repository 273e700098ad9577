"""From request bodies to questions: who shall say what which drawing or image shows."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from server.dependencies import Services
from server.errors import InvalidInput, LimitExceeded
from server.routes.bodies import (
    FORM,
    check_encoding,
    is_json,
    media_type,
    read_image,
    read_json,
    unsupported,
    validated,
)
from server.schemas.predictions import (
    BatchRequest,
    BitmapRequest,
    DrawingLists,
    ExampleRequest,
    PredictionRequest,
)
from server.services.inference import Question, check_top_k
from server.services.model_inputs import from_bitmap, from_drawing, from_example, from_picture

_DRAWING: TypeAdapter[Any] = TypeAdapter(DrawingLists)


@dataclass(frozen=True)
class _Asked:
    """A drawing or bitmap as it was asked about, and where it and its options stand in the body."""

    lists: Any
    lists_at: str
    model: str | None = None
    top_k: int = 5
    options_at: str = ""
    is_bitmap: bool = False


async def read_question(request: Request, services: Services) -> Question:
    """The one question of a body: JSON with a drawing or a bitmap, or a form with an image."""
    questions, several = await read_questions(request, services)
    if several:
        raise InvalidInput("One drawing is asked about at a time here, not a list.", pointer="")
    return questions[0]


async def read_questions(request: Request, services: Services) -> tuple[list[Question], bool]:
    """The questions of a body, and whether it was a list of them.

    A body is a JSON object with a ``drawing``, a ``bitmap``, ``drawings`` or an ``example``, a JSON
    list of drawings or of objects with a drawing or a bitmap, or a form with an ``image``.
    """
    check_encoding(request)
    if media_type(request) == FORM:
        return [await _about_image(request, services)], False
    if not is_json(request):
        raise unsupported(request)
    body = await read_json(request, services.settings)
    if isinstance(body, dict) and "example" in body:
        return [await _about_example(validated(ExampleRequest, body), services)], False
    asked = _asked(body, services.settings.batch)
    several = isinstance(body, list) or "drawings" in body
    questions = await run_in_threadpool(_about_drawings, asked, services)
    return [await _current(question, services) for question in questions], several


def _asked(body: Any, batch: int) -> list[_Asked]:
    if isinstance(body, list):
        _check_batch(body, batch, "")
        return [_asked_item(item, index, body) for index, item in enumerate(body)]
    if isinstance(body, dict) and "drawings" in body:
        if isinstance(body["drawings"], list):
            _check_batch(body["drawings"], batch, "/drawings")
        several = validated(BatchRequest, body)
        return [
            _Asked(lists, f"/drawings/{index}", several.model, several.top_k)
            for index, lists in enumerate(several.drawings)
        ]
    return [_asked_object(body)]


def _asked_object(body: Any, *prefix: int) -> _Asked:
    """What an object asks; ``prefix`` is where it stands in the body."""
    at = "".join(f"/{index}" for index in prefix)
    if isinstance(body, dict) and "bitmap" in body:
        ready = validated(BitmapRequest, body, *prefix)
        return _Asked(ready.bitmap, f"{at}/bitmap", ready.model, ready.top_k, at, is_bitmap=True)
    one = validated(PredictionRequest, body, *prefix)
    return _Asked(one.drawing, f"{at}/drawing", one.model, one.top_k, at)


def _asked_item(item: Any, index: int, body: list[Any]) -> _Asked:
    if isinstance(item, dict):
        return _asked_object(item, index)
    if _is_stroke(item):
        raise InvalidInput(
            "A list is a list of drawings, but this is a stroke. Send one drawing as "
            '{"drawing": [...]}.',
            pointer=f"/{index}",
            value=item,
        )
    return _Asked(validated(_DRAWING, item, index), f"/{index}")


def _is_stroke(item: Any) -> bool:
    """Whether it is a list of lists of numbers."""
    return (
        isinstance(item, list)
        and bool(item)
        and isinstance(item[0], list)
        and bool(item[0])
        and isinstance(item[0][0], int | float)
    )


def _check_batch(drawings: Sequence[Any], limit: int, pointer: str) -> None:
    if not drawings:
        raise InvalidInput("The list has no drawings.", pointer=pointer, value=[])
    if len(drawings) > limit:
        raise LimitExceeded(
            f"The list has {len(drawings)} drawings; {limit} are allowed.",
            pointer=pointer,
            value=len(drawings),
            limit=limit,
        )


def _about_drawings(asked: Sequence[_Asked], services: Services) -> list[Question]:
    limits = services.settings
    questions: list[Question] = []
    for one in asked:
        model = services.catalog.chosen(one.model, f"{one.options_at}/model")
        check_top_k(model, one.top_k, limits.top_k, f"{one.options_at}/top_k")
        if one.is_bitmap:
            prepared = from_bitmap(model, one.lists, one.lists_at)
        else:
            prepared = from_drawing(model, one.lists, one.lists_at, limits)
        questions.append(Question(model, prepared, one.top_k))
    return questions


async def _about_example(asked: ExampleRequest, services: Services) -> Question:
    model = services.catalog.chosen(asked.model, "/model")
    check_top_k(model, asked.top_k, services.settings.top_k, "/top_k")
    prepared = from_example(model, asked.example)
    return await _current(Question(model, prepared, asked.top_k), services)


async def _current(question: Question, services: Services) -> Question:
    """The question to the model as it is now."""
    if not question.model.is_live:
        return question
    return replace(question, model=await services.current(question.model))


async def _about_image(request: Request, services: Services) -> Question:
    limits = services.settings
    upload = await read_image(request, limits)
    model = services.catalog.chosen(upload.model, "model")
    check_top_k(model, upload.top_k, limits.top_k, "top_k")
    prepared = await services.pictures.read(
        upload.data, functools.partial(from_picture, model, upload.data, limits)
    )
    return await _current(Question(model, prepared, upload.top_k), services)

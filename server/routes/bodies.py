"""Reading request bodies: JSON within its limits, and forms with an image."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from server.errors import (
    InvalidInput,
    LimitExceeded,
    MalformedBody,
    TooLarge,
    UnsupportedMedia,
    shorten,
)
from server.problems import invalid_input
from server.settings import Settings

Schema = TypeVar("Schema", bound=BaseModel)
Valid = TypeVar("Valid")

FORM = "multipart/form-data"
FORM_FIELDS = ("image", "model", "top_k")
FIELD_BYTES = 1024

SHORT_JSON = 65_536
"""Longer JSON, in bytes, is parsed beside the event loop, so that others do not wait for it."""

_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


@dataclass(frozen=True)
class ImageUpload:
    """A form's image, and the fields beside it."""

    data: bytes
    model: str | None
    top_k: int


def media_type(request: Request) -> str:
    """The request's media type in lower case without parameters; "" where it has none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(request: Request) -> bool:
    """Whether the body is JSON by its media type."""
    kind = media_type(request)
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )


def unsupported(request: Request) -> UnsupportedMedia:
    """The problem of a body that is neither JSON nor a form."""
    found = media_type(request)
    return UnsupportedMedia(
        f"Send application/json or {FORM}, not {found or 'a body without Content-Type'}.",
        pointer="content-type",
        value=found,
        headers={"Accept": f"application/json, {FORM}"},
    )


def check_encoding(request: Request) -> None:
    """Raise UnsupportedMedia for a compressed body: it would have to be unpacked to be limited."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedMedia(
            f"Send the body as it is, not with the Content-Encoding {shorten(encoding)}.",
            pointer="content-encoding",
            value=encoding,
            headers={"Accept-Encoding": "identity"},
        )


async def read_json(request: Request, limits: Settings) -> Any:
    """The body's JSON; NaN and Infinity, which JSON does not have, are left for validation.

    Raises:
        TooLarge: more than ``json_bytes``.
        MalformedBody: not JSON, or not UTF-8.
        LimitExceeded: nested deeper than ``json_depth``.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limits.json_bytes:
            raise TooLarge(
                f"The JSON is longer than the {limits.json_bytes} bytes that are allowed.",
                limit=limits.json_bytes,
            )
    return await parse_json(bytes(body), limits)


async def parse_json(body: bytes, limits: Settings) -> Any:
    """The JSON of a body that has been read; raises MalformedBody, LimitExceeded as read_json."""
    if len(body) <= SHORT_JSON:
        return _parsed_within(body, limits.json_depth)
    return await run_in_threadpool(_parsed_within, body, limits.json_depth)


def _parsed_within(body: bytes, depth: int) -> Any:
    try:
        value = _parsed(body)
    except RecursionError:
        raise _too_deep(depth) from None
    if _depth(body) > depth:
        raise _too_deep(depth)
    return value


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass  # the slower parser says where, and takes NaN, which validation then points at
    try:
        return json.loads(body.decode("utf-8"))
    except json.JSONDecodeError as error:
        raise MalformedBody(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
            value=error.doc[error.pos : error.pos + 40] or "end of the body",
        ) from error
    except UnicodeDecodeError as error:
        raise MalformedBody(f"The body is not UTF-8: byte {error.start} is not.") from error
    except ValueError as error:  # Python refuses integers of thousands of digits
        raise MalformedBody("The body has a number of too many digits.") from error


def _depth(body: bytes) -> int:
    """How deep the lists and objects of valid JSON are nested."""
    depth = deepest = 0
    for found in _STRING_OR_BRACKET.finditer(body):
        mark = found.group()
        if mark in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif mark in (b"]", b"}"):
            depth -= 1
    return deepest


def _too_deep(limit: int) -> LimitExceeded:
    return LimitExceeded(
        f"The JSON is nested deeper than the {limit} levels that are allowed.", limit=limit
    )


def validated(
    schema: type[Schema] | TypeAdapter[Valid], value: Any, *prefix: str | int
) -> Schema | Valid:
    """``value`` as the schema has it; ``prefix`` is where it stands in the body.

    Raises:
        InvalidInput: it does not fit; the pointer says where.
    """
    try:
        if isinstance(schema, TypeAdapter):
            return schema.validate_python(value)
        if not isinstance(value, dict):
            raise InvalidInput("The body is an object or a list.", pointer="", value=value)
        return schema.model_validate(value)
    except ValidationError as error:
        raise invalid_input(error.errors(include_url=False), prefix) from error


async def read_image(request: Request, limits: Settings) -> ImageUpload:
    """The form's image and fields.

    Raises:
        MalformedBody: no form that can be read, several files, or text that is too long.
        InvalidInput: no image, an image that is no file, or a field that is unknown or wrong.
        TooLarge: the image has more than ``image_bytes``.
    """
    async with _form(request) as form:
        for name, value in form.multi_items():
            if name not in FORM_FIELDS:
                raise InvalidInput(
                    f"The form's fields are {', '.join(FORM_FIELDS)}.", pointer=name, value=name
                )
            if name != "image" and not isinstance(value, str):
                raise InvalidInput(f"{name} is text, not a file.", pointer=name)
        image = form.get("image")
        if not isinstance(image, UploadFile):
            raise InvalidInput(
                "The form has no image." if image is None else "image is a file, not text.",
                pointer="image",
            )
        if (image.size or 0) > limits.image_bytes:
            raise TooLarge(
                f"The image file has {image.size} bytes; {limits.image_bytes} are allowed.",
                pointer="image",
                value=image.size,
                limit=limits.image_bytes,
            )
        model = form.get("model")
        return ImageUpload(
            data=await image.read(),
            model=str(model) if model else None,
            top_k=_whole_number(form.get("top_k", "5"), "top_k"),
        )


@asynccontextmanager
async def _form(request: Request) -> AsyncIterator[FormData]:
    opened = request.form(max_files=1, max_fields=len(FORM_FIELDS), max_part_size=FIELD_BYTES)
    try:
        form = await opened
    except HTTPException as error:  # what the framework says of a form that it cannot read
        raise MalformedBody(
            f"The form cannot be read: {error.detail.rstrip('.')}. It has one file, image, and "
            f"text of at most {FIELD_BYTES} bytes."
        ) from error
    try:
        yield form
    finally:
        await form.close()


def _whole_number(text: Any, name: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", str(text)):
        raise InvalidInput(f"{name} is a whole number.", pointer=name, value=text)
    return int(text)

"""``doodlescope predict``: what a picture or a file of drawings shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from models import LoadedModel
from server.commands.failure import CommandFailed, failing_on
from server.commands.model import open_model
from server.doodle.categories import CATEGORIES
from server.doodle.quickdraw import InvalidDataFile, numbered_lines
from server.doodle.raster import render
from server.doodle.strokes import Drawing, InvalidDrawing
from server.errors import Problem
from server.schemas.predictions import Guess
from server.services.inference import guesses
from server.services.ink import normalise
from server.services.pictures import open_picture
from server.settings import Settings
from server.training.evaluation import logits_of


@dataclass(frozen=True)
class NamedImage:
    """An image for the network, uint8 (28, 28), and what to call it in the answer."""

    name: str
    image: NDArray[np.uint8]


def predict(
    file: Path, model_name: str, weights: Path | None, top_k: int, device: str, as_json: bool
) -> None:
    """Predict and print.

    Raises:
        CommandFailed: the file, the model or the device cannot be had.
    """
    images = read_images(file)
    model = open_model(model_name, weights, device)
    stacked = torch.from_numpy(np.stack([image.image for image in images])).float().div_(255)
    logits = logits_of(model.module, stacked.unsqueeze(1)).numpy()
    answers = [_answer(model, row, top_k) for row in logits]
    if as_json:
        print(
            json.dumps(
                {
                    "model": model_name,
                    "version": model.version,
                    "answers": [
                        {"drawing": image.name, **answer.model_dump(exclude_unset=True)}
                        for image, answer in zip(images, answers, strict=True)
                    ],
                },
                ensure_ascii=False,
            )
        )
        return
    console = Console()
    for image, answer in zip(images, answers, strict=True):
        console.print(_table(image.name, answer))
        if answer.unknown:
            console.print("I don't know this one; these are only the nearest.")


class Answer(BaseModel):
    """What one drawing shows; ``unknown`` as in the API."""

    predictions: list[Guess]
    unknown: bool | None = None


def _answer(model: LoadedModel, logits: NDArray[np.float32], top_k: int) -> Answer:
    best = guesses(CATEGORIES, logits, top_k)
    if model.unknown is None:
        return Answer(predictions=best)
    unknown = model.unknown.is_unknown(logits, best[0].probability)
    return Answer(predictions=best, unknown=unknown)


def read_images(file: Path) -> list[NamedImage]:
    """Read a picture, or every drawing of an ``.ndjson`` file (gzipped or not).

    A line is a drawing in the Quick, Draw! form or an object that has one as ``drawing``.

    Raises:
        CommandFailed: no such file, nothing in it, or a line or picture that cannot be read.
    """
    with failing_on(OSError, InvalidDataFile, Problem):
        if file.name.endswith((".ndjson", ".ndjson.gz")):
            images = list(_read_lines(file))
        else:
            data = file.read_bytes()
            images = [NamedImage(file.name, normalise(open_picture(data, Settings()), data).pixels)]
    if not images:
        raise CommandFailed(f"{file} holds no drawings.")
    return images


def _read_lines(file: Path) -> Iterator[NamedImage]:
    for number, line in numbered_lines(file):
        try:
            value: Any = json.loads(line)
            drawing = Drawing.from_lists(value["drawing"] if isinstance(value, dict) else value)
        except KeyError as error:
            raise CommandFailed(f"{file.name}, line {number}: no {error}") from error
        except (json.JSONDecodeError, RecursionError, InvalidDrawing) as error:
            raise CommandFailed(f"{file.name}, line {number}: {error}") from error
        word = f" ({value['word']})" if isinstance(value, dict) and "word" in value else ""
        yield NamedImage(f"{file.name}, line {number}{word}", render(drawing))


def _table(title: str, answer: Answer) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("guess")
    table.add_column("probability", justify="right")
    table.add_column("logit", justify="right")
    for guess in answer.predictions:
        table.add_row(guess.label, f"{guess.probability:.1%}", f"{guess.logit:.2f}")
    return table

"""Fit how translated bitmaps look: `python -m scripts.fit_look FOLDER [--output FILE]`.

FOLDER holds the Quick, Draw! training files. It takes a few minutes, and says how far what the look
makes is from translated bitmaps of the same drawings, and how well a network tells the two apart:
of the look in the repository, and of the one that it fits where an output is given. Nothing is
fitted to those that judge a new look; the look in the repository was fitted to other 3,695 of the
pairs, most of these among them.
"""

import argparse
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from server.commands.failure import CommandFailed
from server.commands.train import read_training_data
from server.doodle.quickdraw import Bitmaps
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.training.dataset import TRANSLATED_FILE, StrokeData, TrainingData
from server.training.translated_look import (
    TranslatedLook,
    fit_look,
    load_look,
    same_drawings,
    told_apart,
)

JUDGED = 600


def main(arguments: list[str] | None = None) -> int:
    """Fit it; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder of the training files")
    parser.add_argument("--output", type=Path, help="fit a look anew, into this file")
    chosen = parser.parse_args(arguments)
    try:
        data = read_training_data(chosen.data, seed=0)
    except CommandFailed as error:
        print(f"fit_look: {error}", file=sys.stderr)
        return 1
    if not isinstance(data, TrainingData) or data.translated is None:
        print(f"fit_look: {chosen.data} has no {TRANSLATED_FILE}.", file=sys.stderr)
        return 1
    exact, translated = pairs_of(data, data.translated)
    if len(exact) < 2 * JUDGED:
        print(f"fit_look: {len(exact)} drawings are there in both forms.", file=sys.stderr)
        return 1
    torch.manual_seed(0)
    report("exact images", exact, translated)
    report("the look", worn(load_look(), exact), translated)
    if chosen.output:
        look = fit_look(exact[JUDGED:], translated[JUDGED:])
        report("the new look", worn(look, exact), translated)
        save_file(look.state_dict(), chosen.output)
    return 0


def pairs_of(data: TrainingData, which: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Exact and translated images of the same drawings, float32 (N, 1, 28, 28), in no order."""
    images, labels = [rendered(data.strokes)], [data.strokes.labels]
    for index, bitmaps in enumerate(data.bitmaps):
        if index != which:
            images.append(bitmaps.images)
            labels.append(bitmaps.labels)
    exact = Bitmaps(np.concatenate(images), np.concatenate(labels))
    soft = data.bitmaps[which]
    order = np.random.default_rng(0)
    pairs = same_drawings(exact, soft)
    shuffled = order.permutation(len(pairs[0]))
    first, second = (torch.from_numpy(each[shuffled]).float().div(255)[:, None] for each in pairs)
    return first, second


def rendered(strokes: StrokeData) -> NDArray[np.uint8]:
    """Every drawing as it is, uint8 (drawings, 28, 28)."""
    points = strokes.points.astype(np.float64)
    images = np.empty((len(strokes.labels), 28, 28), np.uint8)
    for number in range(len(images)):
        first, last = strokes.drawing_starts[number : number + 2]
        parts = strokes.stroke_starts[first : last + 1]
        lines = [points[start:end] for start, end in pairwise(parts.tolist())]
        images[number] = render(Drawing(tuple(lines)))
    return images


def worn(look: TranslatedLook, images: torch.Tensor) -> torch.Tensor:
    """The images, with the look put on."""
    with torch.no_grad():
        return look.put_on(images)


def report(name: str, made: torch.Tensor, translated: torch.Tensor) -> None:
    """Say how like translated bitmaps images are."""
    error = float((made - translated)[:JUDGED].abs().mean()) * 255
    area = told_apart(made, translated, JUDGED)
    print(f"{name}: {error:.1f} of 255 from the translated ones, told apart with AUROC {area:.2f}")


if __name__ == "__main__":
    sys.exit(main())

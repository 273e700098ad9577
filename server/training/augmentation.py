"""Augmentation: strokes are bent before they are rendered; images are warped, from wherever."""

from __future__ import annotations

import math

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from server.doodle.raster import DRAWING_SIDE, SIDE, render_normalised

ROTATION = math.radians(15)
SHEAR = 0.2
STRETCH = 0.25
"""Natural logarithm of the largest stretch of one axis against the other."""

BEND = 0.04
"""Amplitude of the slow sine waves that bend a drawing, as a share of its longer side."""

JITTER = 0.006
"""Standard deviation of each point's own displacement, as a share of the longer side."""

MIRRORED = 0.4
CUT_SHORT = 0.2
STROKE_DROPPED = 0.15
"""Probabilities of a drawing: mirrored; ended early; one stroke left out."""

WARPED = 0.5
"""Probability of an image, rendered or published as a bitmap alike: warped."""


@numba.njit(cache=True, nogil=True)
def render_augmented(
    points: NDArray[np.float32],
    stroke_starts: NDArray[np.int64],
    drawing_starts: NDArray[np.int64],
    chosen: NDArray[np.int64],
    seed: int,
) -> NDArray[np.uint8]:
    """Render the chosen drawings of a ``StrokeData``, each bent at random.

    Returns:
        uint8 (chosen, 28, 28), ink 255 on 0; a function of the arguments alone.
    """
    np.random.seed(seed)
    images = np.empty((len(chosen), SIDE, SIDE), dtype=np.uint8)
    for index in range(len(chosen)):
        first, last = drawing_starts[chosen[index]], drawing_starts[chosen[index] + 1]
        starts = stroke_starts[first : last + 1]
        base = starts[0]
        bent = points[base : starts[-1]].astype(np.float64)
        _bend(bent)
        kept_points, kept_starts = _shorten(bent, starts - base)
        images[index] = render_normalised(kept_points, kept_starts)
    return images


@numba.njit(cache=True, nogil=True)
def _bend(points: NDArray[np.float64]) -> None:
    """Displace points in place: affine map, two slow sine waves, jitter."""
    rotation = np.random.uniform(-ROTATION, ROTATION)
    shear = np.random.uniform(-SHEAR, SHEAR)
    stretch = math.exp(np.random.uniform(-STRETCH, STRETCH))
    mirror = -1.0 if np.random.random() < MIRRORED else 1.0
    cosine, sine = math.cos(rotation), math.sin(rotation)
    amplitude = np.random.uniform(0, BEND) * DRAWING_SIDE
    jitter = np.random.uniform(0, JITTER) * DRAWING_SIDE
    wave_x = np.random.uniform(0.5, 2.0) * 2 * math.pi / DRAWING_SIDE
    wave_y = np.random.uniform(0.5, 2.0) * 2 * math.pi / DRAWING_SIDE
    phase_x = np.random.uniform(0, 2 * math.pi)
    phase_y = np.random.uniform(0, 2 * math.pi)
    for index in range(len(points)):
        x = points[index, 0] - DRAWING_SIDE / 2
        y = points[index, 1] - DRAWING_SIDE / 2
        x, y = (
            mirror * stretch * x + shear * y + amplitude * math.sin(wave_y * y + phase_y),
            y / stretch + amplitude * math.sin(wave_x * x + phase_x),
        )
        points[index, 0] = cosine * x - sine * y + jitter * np.random.standard_normal()
        points[index, 1] = sine * x + cosine * y + jitter * np.random.standard_normal()


@numba.njit(cache=True, nogil=True)
def _shorten(
    points: NDArray[np.float64], starts: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """End a drawing early, or leave one stroke out, at random; something always remains."""
    strokes = len(starts) - 1
    draw = np.random.random()
    if draw < CUT_SHORT and len(points) > 4:
        end = max(2, int(len(points) * np.random.uniform(0.5, 1.0)))
        kept = np.searchsorted(starts, end)
        shortened = starts[: kept + 1].copy()
        shortened[kept] = end
        return points[:end], shortened
    if draw > 1.0 - STROKE_DROPPED and strokes > 2:
        dropped = np.random.randint(strokes)
        first, last = starts[dropped], starts[dropped + 1]
        remaining = np.concatenate((points[:first], points[last:]))
        fewer = np.concatenate((starts[: dropped + 1], starts[dropped + 2 :] - (last - first)))
        return remaining, fewer
    return points, starts


def augment_images(images: Tensor, rendered: int, generator: torch.Generator) -> Tensor:
    """Warp and mirror images at random, whatever they came from alike.

    A warped image is softer than a rendered one. If softness came with the source, it would tell
    of the categories that are mostly known from that source, and drawings are never soft.

    Args:
        images: float32 (N, 1, 28, 28) in 0..1.
        rendered: so many of them, the first, were rendered from strokes that were bent already.
        generator: where the random numbers come from.
    """
    count = len(images)
    extent = torch.where(torch.arange(count) < rendered, 0.5, 1.0)
    mirrored = torch.rand(count, generator=generator) < MIRRORED
    mirrored[:rendered] = False
    warped = torch.rand(count, generator=generator) < WARPED
    augmented = torch.where(mirrored.view(-1, 1, 1, 1), images.flip(3), images)
    if warped.any():  # of a small batch, perhaps none
        augmented[warped] = warp_images(augmented[warped], extent[warped], generator)
    return augmented


def warp_images(images: Tensor, extent: Tensor, generator: torch.Generator) -> Tensor:
    """Apply a random affine map to each image.

    Args:
        images: float32 (N, 1, 28, 28) in 0..1, likewise the result.
        extent: float32 (N,), how far: 0 not at all, 1 as far as strokes are bent.
        generator: where the random numbers come from.
    """
    count = len(images)

    def uniform(limit: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * limit * extent

    rotation, shear = uniform(ROTATION), uniform(SHEAR)
    stretch, zoom = uniform(STRETCH / 1.5).exp(), uniform(0.08).exp()
    cosine, sine = rotation.cos(), rotation.sin()
    theta = torch.stack(
        [
            torch.stack([cosine * stretch * zoom, shear - sine, uniform(0.05)], dim=1),
            torch.stack([sine, cosine / stretch * zoom, uniform(0.05)], dim=1),
        ],
        dim=1,
    )
    grid = functional.affine_grid(theta, [count, 1, SIDE, SIDE], align_corners=False)
    # Bicubic softens lines less than bilinear; its overshoots are cut off.
    return functional.grid_sample(images, grid, mode="bicubic", align_corners=False).clamp_(0, 1)
